/* Sketches of a text's shingles, once for each instruction set: sketch.c includes this behind
 * throws.h. */

/* Fills the bins, one for each of the scheme's; the shingles are lost. */
static void NAME(fast_sketch)(uint64_t *shingles, size_t num_shingles,
                              const struct scheme *scheme, uint32_t *bins) {
    uint32_t num_bins = scheme->num_bins;
    NAME(first_turn)(shingles, num_shingles, scheme, bins);
    if (!NAME(count_empty)(bins, num_bins))
        return;
    if (num_shingles > 16 * (size_t)num_bins)
        num_shingles = drop_repeats(shingles, num_shingles);
    for (size_t i = 0; i < PADDING; i++) /* thrown twice or once: a set is all the same */
        shingles[num_shingles + i] = shingles[0];
    uint32_t num_empty = NAME(later_turns)(shingles, num_shingles, scheme, bins);
    for (uint32_t bin = 0; num_empty && bin < num_bins; bin++) {
        if (bins[bin] != EMPTY)
            continue;
        uint32_t turn = num_bins + bin, least = EMPTY;
        for (size_t i = 0; i < num_shingles; i++) {
            uint32_t value = NAME(mix32)((uint32_t)shingles[i], scheme->increments[turn],
                                         scheme->multipliers[turn]);
            least = value < least ? value : least;
        }
        bins[bin] = turn << scheme->value_bits | least >> (32 - scheme->value_bits);
        num_empty--;
    }
}

/* k permutations: the minimum of a * x + b over all x, for each of the k pairs. */
static void NAME(permutation_sketch)(uint64_t *shingles, size_t num_shingles,
                                     const struct scheme *scheme, uint32_t *minima) {
    for (uint32_t first = 0; first < scheme->num_bins; first += LANES) {
        uint32_t a[LANES] = {0}, b[LANES] = {0}, low[LANES];
        uint32_t num = scheme->num_bins - first < LANES ? scheme->num_bins - first : LANES;
        for (uint32_t j = 0; j < LANES; j++)
            low[j] = EMPTY;
        for (uint32_t j = 0; j < num; j++) {
            a[j] = scheme->multipliers[first + j];
            b[j] = scheme->increments[first + j];
        }
        for (size_t i = 0; i < num_shingles; i++) {
            uint32_t element = (uint32_t)(shingles[i] >> 32);
            for (uint32_t j = 0; j < LANES; j++) {
                uint32_t value = a[j] * element + b[j];
                low[j] = value < low[j] ? value : low[j];
            }
        }
        for (uint32_t j = 0; j < num; j++)
            minima[first + j] = low[j];
    }
}
