/* A stable sort of 64-bit keys with the rows they came from.
 *
 * The highest bits on which keys differ part them into buckets, up to 2,048 at a time, until a
 * bucket is small enough to insert. After the first pass the buckets of 25 M uniform keys lie in
 * the second-level cache. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DIGIT_BITS 11
#define NUM_DIGITS (1u << MAX_DIGIT_BITS)
#define FEW 24

struct pair {
    uint64_t key;
    uint32_t row;
};

/* Returns how many bits tell the buckets of `num` keys apart, so that one holds about four. */
static inline unsigned digit_bits(size_t num) {
    unsigned bits = 1;
    while (bits < MAX_DIGIT_BITS && num >> (bits + 2))
        bits++;
    return bits;
}

/* Returns how far right to shift a key so that the highest bit of `differing` leads its digit. */
static inline unsigned digit_shift(uint64_t differing, unsigned bits) {
    unsigned width = 0;
    for (; differing; differing >>= 1)
        width++;
    return width > bits ? width - bits : 0;
}

/* Turns counts into the places at which their buckets start. */
static inline void counts_to_starts(uint32_t *counts, unsigned bits) {
    uint32_t total = 0;
    for (size_t i = 0; i < (size_t)1 << bits; i++) {
        uint32_t count = counts[i];
        counts[i] = total;
        total += count;
    }
}

static inline void insert_pairs(struct pair *pairs, size_t num) {
    for (size_t i = 1; i < num; i++) {
        struct pair moved = pairs[i];
        size_t place = i;
        for (; place && pairs[place - 1].key > moved.key; place--)
            pairs[place] = pairs[place - 1];
        pairs[place] = moved;
    }
}

/* Sorts pairs in place; `spare` has room for as many. */
static void sort_pairs(struct pair *pairs, struct pair *spare, size_t num) {
    if (num <= FEW) {
        insert_pairs(pairs, num);
        return;
    }
    uint64_t differing = 0;
    for (size_t i = 1; i < num; i++)
        differing |= pairs[i].key ^ pairs[0].key;
    if (!differing)
        return;
    unsigned bits = digit_bits(num), shift = digit_shift(differing, bits);
    uint32_t ends[NUM_DIGITS], mask = (1u << bits) - 1;
    memset(ends, 0, sizeof *ends << bits);
    for (size_t i = 0; i < num; i++)
        ends[pairs[i].key >> shift & mask]++;
    counts_to_starts(ends, bits);
    for (size_t i = 0; i < num; i++)
        spare[ends[pairs[i].key >> shift & mask]++] = pairs[i];
    memcpy(pairs, spare, num * sizeof *pairs);
    if (!shift)
        return;
    for (size_t digit = 0, start = 0; digit <= mask; start = ends[digit++])
        if (ends[digit] - start > 1)
            sort_pairs(pairs + start, spare, ends[digit] - start);
}

/* Takes the next `num` pairs in order. */
typedef void take_function(void *target, const struct pair *pairs, size_t num);

/* Gives the pairs of `num` < 2^32 keys in order, a bucket at a time while it is in the cache;
 * returns 0, and gives none, where memory is short. */
static int sort_keys(const uint64_t *keys, size_t num, take_function *take, void *target) {
    struct pair *pairs = malloc((num + 1) * sizeof *pairs);
    uint64_t differing = 0;
    for (size_t i = 0; i < num; i++)
        differing |= keys[i] ^ keys[0];
    unsigned bits = digit_bits(num), shift = digit_shift(differing, bits);
    uint32_t ends[NUM_DIGITS] = {0}, mask = (1u << bits) - 1, largest = 0;
    for (size_t i = 0; i < num; i++)
        ends[keys[i] >> shift & mask]++;
    for (size_t digit = 0; digit <= mask; digit++)
        largest = ends[digit] > largest ? ends[digit] : largest;
    struct pair *spare = malloc(((size_t)largest + 1) * sizeof *spare);
    if (pairs && spare) {
        counts_to_starts(ends, bits);
        for (size_t i = 0; i < num; i++)
            pairs[ends[keys[i] >> shift & mask]++] = (struct pair){keys[i], (uint32_t)i};
        for (size_t digit = 0, start = 0; digit <= mask; start = ends[digit++]) {
            if (shift && ends[digit] - start > 1)
                sort_pairs(pairs + start, spare, ends[digit] - start);
            take(target, pairs + start, ends[digit] - start);
        }
    }
    int has_memory = pairs && spare;
    free(pairs);
    free(spare);
    return has_memory;
}
