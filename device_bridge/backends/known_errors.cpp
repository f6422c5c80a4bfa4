// SPDX-License-Identifier: GPL-3.0-or-later
#include "device_bridge/backends/known_errors.h"

#include "device_bridge/backends/fields.h"

#include <array>
#include <cctype>

namespace bitwright::backends {
namespace {

struct Pattern {
    std::string_view text;  ///< as a whole word: no letter or digit before or after it
    bool accelerator;
    std::string_view sentence;
};

constexpr std::array patterns{
    Pattern{"0x80000406", true,
            "The DSP did not find its library or refused its signature (0x80000406). The skeleton library for this chip's Hexagon version must be in the folder of "
            "ADSP_LIBRARY_PATH; check that the runtime has it for this SoC."},
    Pattern{"transportStatus: 9", true,
            "The DSP did not find its library or refused its signature (transportStatus 9). The skeleton library for this chip's Hexagon version must be in the "
            "folder of ADSP_LIBRARY_PATH; check that the runtime has it for this SoC."},
    Pattern{"0x80000414", true,
            "The DSP refused the session (0x80000414). This is known of some phones with Snapdragon 8s Gen 3; a newer runtime or another backend may work."},
    Pattern{"0x138d", true, "The model was compiled for another SoC (0x138d). Compile the context binary again for this phone's SoC."},
    Pattern{"Request feature arch with value", true, "The model was compiled for another Hexagon version. Compile the context binary again for this phone's SoC."},
    Pattern{"0x3ea", true, "The model is too large for one DSP process (0x3ea): 2 GB a graph, 4 GB a context. Split it into more parts or use fewer bits."},
    Pattern{"SSR Detected", true, "The DSP crashed and restarted (SSR). Results of this run are worth nothing; run again, with a smaller model if it happens again."},
    Pattern{"dspqueue_read failed", true, "The connection to the DSP broke (dspqueue_read). Run again; if it stays, take another runtime version or the CPU."},
    Pattern{"failed to load model", false, "The model could not be loaded: see the raw output; check that the file is whole and of a format this runtime knows."},
    Pattern{"No space left on device", false, "The phone's storage is full. Free space under /data/local/tmp."},
    Pattern{"Out of memory", false, "The phone has too little free memory for this model. Close programs or take a smaller one."},
    Pattern{"std::bad_alloc", false, "The phone has too little free memory for this model. Close programs or take a smaller one."},
    Pattern{"unable to allocate", false, "A buffer could not be allocated: too little free memory for this model and context."},
};

bool word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool has_word(std::string_view line, std::string_view word)
{
    for (auto at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
        const auto end = at + word.size();
        if ((at == 0 || !word_character(line[at - 1])) && (end == line.size() || !word_character(line[end]))) return true;
    }
    return false;
}

/// "… incorrect Value 68, expected >= 73 …": an operation or a bit width this Hexagon version does not have.
std::optional<std::string> wrong_architecture(std::string_view line)
{
    const auto rest = after(line, "incorrect Value ");
    if (!rest) return std::nullopt;
    const auto found = leading_integer(*rest), needed = integer_after(*rest, "expected >= ");
    if (!found || !needed) return std::nullopt;
    return "An operation or a combination of bits in this model needs Hexagon v" + std::to_string(*needed) + "; this phone has v" + std::to_string(*found) +
           ". Quantize for this SoC (its profile says which combinations it has).";
}

/// Android's loader: CANNOT LINK EXECUTABLE "./x": library "liby.so" not found: needed by …
std::optional<std::string> missing_library(std::string_view line)
{
    const auto rest = after(line, "library \"");
    if (!rest || rest->find("not found") == std::string_view::npos) return std::nullopt;
    return "The program needs " + shown(rest->substr(0, rest->find('"')), 80) + ", which is not on the phone: add it to the runtime folder.";
}

}  // namespace

std::optional<KnownError> known_error(std::string_view line)
{
    if (auto sentence = wrong_architecture(line)) return KnownError{*sentence, true};
    if (auto sentence = missing_library(line)) return KnownError{*sentence, true};
    for (const auto& pattern : patterns)
        if (has_word(line, pattern.text)) return KnownError{std::string(pattern.sentence), pattern.accelerator};
    return std::nullopt;
}

std::string exit_sentence(int code)
{
    switch (code) {
        case 126: return "The phone would not execute the program (exit code 126): it must lie under /data/local/tmp and be executable.";
        case 127: return "The program or a library it needs was not found on the phone (exit code 127).";
        case 132: return "The program uses an instruction this processor does not have (exit code 132, SIGILL): take a build for this phone.";
        case 134: return "The program gave up (exit code 134, SIGABRT): its last lines say why.";
        case 135: return "The program failed with a bus error (exit code 135, SIGBUS): a file it had mapped may have been cut short.";
        case 137: return "The program was killed (exit code 137, SIGKILL): most often the phone ran out of memory.";
        case 139: return "The program crashed (exit code 139, SIGSEGV).";
        case 143: return "The program was asked to end (exit code 143, SIGTERM).";
        default: return "The program ended with exit code " + std::to_string(code) + ".";
    }
}

}  // namespace bitwright::backends
