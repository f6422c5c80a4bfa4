// SPDX-License-Identifier: GPL-3.0-or-later
// The loop of every product, over an instruction set's `Sums`: the running sums of a tile (Rows packed inputs × one panel of weights) in registers.
// Included by one file per instruction set, inside its anonymous namespace and behind its target attribute: nothing from a standard header may be instantiated here,
// or the linker could choose a copy that other processors cannot run.
// A Sums has: rows (inputs), sets (how many independent copies hide the instruction's latency), weight_bytes and input_bytes of a step, flush_steps (how many steps
// its narrow sums hold), begin, add, step, flush, add_scaled, store; and load, the opposite of store, where pieces of a panel's depth are worth it.

template <typename Sums>
concept Loads = requires(Sums sums, const std::int32_t* from) { sums.load(from); };

/// Stores `sums` as the tile's, or adds them to it where begin_with() did not take it up.
template <typename Sums>
[[gnu::always_inline]] inline void finish(const TileArguments& t, const Sums& sums) noexcept
{
    if (Loads<Sums> || !t.adds) return sums.store(t.sums);
    std::int32_t part[Sums::rows * Sums::panel_rows];
    sums.store(part);
    for (int i = 0; i < Sums::rows * Sums::panel_rows; ++i) t.sums[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(t.sums[i]) + static_cast<std::uint32_t>(part[i]));
}

template <typename Sums>
[[gnu::always_inline]] inline void run_steps(Sums& sums, const std::uint8_t*& weights, const std::uint8_t*& input, std::int64_t steps) noexcept
{
    if constexpr (Sums::flush_steps == 0) {
        for (std::int64_t s = 0; s < steps; ++s, weights += Sums::weight_bytes, input += Sums::input_bytes) sums.step(weights, input);
    } else {
        while (steps > 0) {
            const std::int64_t count = steps < Sums::flush_steps ? steps : Sums::flush_steps;
            for (std::int64_t s = 0; s < count; ++s, weights += Sums::weight_bytes, input += Sums::input_bytes) sums.step(weights, input);
            sums.flush();
            steps -= count;
        }
    }
}

template <typename Sums>
void plain_tile(const TileArguments& t) noexcept
{
    const std::uint8_t *weights = t.weights, *input = t.input;
    Sums sums;
    if constexpr (Loads<Sums>) {
        if (t.adds) sums.load(t.sums);
        else sums.begin(t.start, t.start_stride);
    } else {
        if (t.adds) sums.clear();
        else sums.begin(t.start, t.start_stride);
    }
    std::int64_t steps = t.group_steps;
    if constexpr (Sums::sets > 1) {
        constexpr std::int64_t sets = Sums::sets;
        Sums others[sets - 1];
        for (auto& other : others) other.clear();
        for (; steps >= sets; steps -= sets) {
            sums.step(weights, input);
#pragma GCC unroll 8
            for (std::int64_t i = 1; i < sets; ++i) others[i - 1].step(weights + i * Sums::weight_bytes, input + i * Sums::input_bytes);
            weights += sets * Sums::weight_bytes;
            input += sets * Sums::input_bytes;
        }
        for (const auto& other : others) sums.add(other);
    }
    run_steps(sums, weights, input, steps);
    finish(t, sums);
}

template <typename Sums>
void grouped_tile(const TileArguments& t) noexcept
{
    const std::uint8_t *weights = t.weights, *input = t.input, *scales = t.scales;
    Sums total;
    total.clear();
    if constexpr (Loads<Sums>)
        if (t.adds) total.load(t.sums);
    for (std::int64_t g = 0; g < t.groups; ++g, scales += Sums::panel_rows) {
        Sums sums;
        sums.begin(t.start + g, t.start_stride);
        run_steps(sums, weights, input, t.group_steps);
        total.add_scaled(sums, scales);
    }
    finish(t, total);
}

/// Fills the tiles of `set` with those of Sums<rows, bits>.
template <template <int, int> typename Sums, int Most>
constexpr void fill_tiles(KernelSet& set)
{
    set.tile_rows = {1, 2, 4, Most};
    set.plain8 = {plain_tile<Sums<1, 8>>, plain_tile<Sums<2, 8>>, plain_tile<Sums<4, 8>>, plain_tile<Sums<Most, 8>>};
    set.plain4 = {plain_tile<Sums<1, 4>>, plain_tile<Sums<2, 4>>, plain_tile<Sums<4, 4>>, plain_tile<Sums<Most, 4>>};
    set.grouped8 = {grouped_tile<Sums<1, 8>>, grouped_tile<Sums<2, 8>>, grouped_tile<Sums<4, 8>>, grouped_tile<Sums<Most, 8>>};
    set.grouped4 = {grouped_tile<Sums<1, 4>>, grouped_tile<Sums<2, 4>>, grouped_tile<Sums<4, 4>>, grouped_tile<Sums<Most, 4>>};
}
