// SPDX-License-Identifier: GPL-3.0-or-later
// What the words of a comparison mean.
#include "core/exchange/comparison_parts.h"

namespace bitwright {

std::vector<std::pair<std::string, std::string>> comparison_definitions()
{
    return {
        {"perplexity per token", "exp(Σ −ln p(token) / tokens scored), natural logarithm, each scored token given the tokens of its window before it"},
        {"perplexity per word", "exp(Σ −ln p / words), words as lm-eval counts them: len(re.split(r\"\\s+\", text)); only where every token was scored"},
        {"float", "the model as it is, in 32-bit floating point"},
        {"simulated",
         "fake quantization at the recipe's sites, float arithmetic between them; placement paper: MobileQuant's sites, residual stream, softmax and final "
         "norm stay float"},
        {"integer", "the package run with integer arithmetic only, embedding to logits: what a phone computes, bit for bit"},
        {"prefill, decode tokens/s",
         "median of the repeats after a warm-up, beside it the smallest and the largest; where two such ranges overlap, the difference may be noise"},
        {"95 % interval",
         "of a perplexity's difference to the baseline: both scored the same windows, and the interval says what other windows of such text would give "
         "(paired, normal approximation over windows with Student's quantile); with 0 inside, the windows do not tell the two apart"},
        {"KL to float", "mean over the scored tokens of Σ p·(ln p − ln q), p the float model's distribution over the vocabulary, q this row's; the same windows as the perplexity"},
        {"same top token", "share of the scored positions where this row and the float model find the same token most likely"},
        {"accuracy", "share of a task's rows where the right choice has the largest sum of ln p; per byte: of ln p divided by the choice's UTF-8 bytes"},
        {"95 % of an accuracy", "percentile bootstrap over the rows, 2,000 resamples; of a difference: over the same rows in pairs. With 0 inside there is no detectable difference"},
        {"size on disk", "of the package with its weights, tables and tokenizer, as it goes to the phone; of the float model its weight files"},
        {"W8A8, W4A8", "bits of the layers' linear weights and of their activations"},
        {"SQNR", "10·log10(Σx² / Σ(x − y)²) of a layer's output, float x, quantized y; a gap: no error at all"},
    };
}

}  // namespace bitwright
