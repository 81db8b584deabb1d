/* What a sketch is made with, and what the sketches of all instruction sets share. */

#define EMPTY UINT32_MAX
#define LANES 32
#if defined(__GNUC__)
#define ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define ALWAYS_INLINE inline
#endif
#define MIX32 UINT32_C(0x846CA68B)

struct scheme {
    uint32_t num_bins, value_bits; /* without value bits, one of k permutations */
    uint64_t salt;
    const uint32_t *multipliers, *increments; /* 2k for a fast sketch, one for each turn; else k */
};

/* Of every mask of 8 lanes: the numbers of those that are set, a byte each, the lowest first. */
static uint64_t lanes_of_mask[256];

static void fill_lanes(void) {
    for (unsigned mask = 0; mask < 256; mask++) {
        uint64_t lanes = 0;
        for (unsigned lane = 8; lane--;)
            if (mask >> lane & 1)
                lanes = lanes << 8 | lane;
        lanes_of_mask[mask] = lanes;
    }
}

#define SEEN_BITS 12

/* Takes most of the repeats out of a text that says the same again and again, and so has far more
 * shingles than it has distinct ones; returns how many are left. */
static size_t drop_repeats(uint64_t *shingles, size_t num_shingles) {
    uint64_t seen[1 << SEEN_BITS];
    size_t num_left = 0;
    for (uint64_t i = 0; i < 1 << SEEN_BITS; i++)
        seen[i] = ~i; /* belongs elsewhere */
    for (size_t i = 0; i < num_shingles; i++) {
        uint64_t shingle = shingles[i], *place = &seen[shingle % (1 << SEEN_BITS)];
        if (*place == shingle)
            continue;
        *place = shingle;
        shingles[num_left++] = shingle;
    }
    return num_left;
}
