/* Union-find where the least node is the root, and the rows of equal hashes united by it.
 *
 * A column of hashes is parted by its mixed hashes until a part's table of hashes fits the
 * first-level cache; there every row meets the first row of its hash. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PART_ROWS 512
#define MAX_PART_BITS 11
#define HASH_MIX UINT64_C(0x9E3779B97F4A7C15)
#define NO_ROW UINT32_MAX

/* Every parent stands before its child or is the child, so that there is no cycle. */
static inline int is_forest(const uint32_t *parents, size_t num_nodes) {
    int fits = 1;
    for (size_t i = 0; i < num_nodes; i++)
        fits &= parents[i] <= i;
    return fits;
}

static inline uint32_t find(uint32_t *parents, uint32_t node) {
    while (parents[node] != node) {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    return node;
}

static inline void join(uint32_t *parents, uint32_t left, uint32_t right) {
    left = find(parents, left);
    right = find(parents, right);
    if (left < right)
        parents[right] = left;
    else
        parents[left] = right;
}

/* Leaves the root of each node in parents: a parent was flattened before its child. */
static inline void flatten(uint32_t *parents, size_t num_nodes) {
    for (size_t i = 0; i < num_nodes; i++)
        parents[i] = parents[parents[i]];
}

/* A row and the bits of its mixed hash that its part does not tell. */
struct entry {
    uint32_t bits, row;
};

struct band {
    uint64_t *hashes;      /* [num_rows] */
    struct entry *entries; /* [num_rows], part after part */
    struct entry *table;   /* [table_size] */
    size_t table_size;
};

/* Joins the rows of a part that have equal hashes. */
static void join_part(const struct band *band, const struct entry *entries, size_t num,
                      uint32_t *parents) {
    unsigned table_bits = 1;
    while ((size_t)1 << table_bits < 2 * num)
        table_bits++;
    size_t mask = ((size_t)1 << table_bits) - 1;
    unsigned shift = table_bits < 32 ? 32 - table_bits : 0;
    memset(band->table, 0xFF, (mask + 1) * sizeof *band->table);
    for (size_t i = 0; i < num; i++) {
        struct entry entry = entries[i];
        size_t slot = entry.bits >> shift;
        for (;; slot = (slot + 1) & mask) {
            struct entry *other = &band->table[slot];
            if (other->row == NO_ROW) {
                *other = entry;
                break;
            }
            if (other->bits == entry.bits &&
                band->hashes[other->row] == band->hashes[entry.row]) {
                join(parents, other->row, entry.row);
                break;
            }
        }
    }
}

static void join_band(struct band *band, size_t num_rows, unsigned bits, const uint32_t *starts,
                      uint32_t *places, uint32_t *parents) {
    memcpy(places, starts, sizeof *starts << bits);
    for (size_t i = 0; i < num_rows; i++) {
        uint64_t mixed = band->hashes[i] * HASH_MIX;
        size_t part = bits ? mixed >> (64 - bits) : 0;
        band->entries[places[part]++] = (struct entry){(uint32_t)(mixed >> 21), (uint32_t)i};
    }
    for (size_t part = 0; part < (size_t)1 << bits; part++)
        if (places[part] - starts[part] > 1)
            join_part(band, band->entries + starts[part], places[part] - starts[part], parents);
}

/* Joins the rows that share a hash in a column of hashes [num_rows, num_bands]; returns 0 where
 * memory is short. It takes 24 bytes a row and the table of the largest part. */
static int join_bands(const uint64_t *hashes, size_t num_rows, size_t num_bands,
                      uint32_t *parents) {
    unsigned bits = 0;
    while (bits < MAX_PART_BITS && num_rows >> bits > PART_ROWS)
        bits++;
    uint32_t starts[1 << MAX_PART_BITS], places[1 << MAX_PART_BITS];
    struct band band = {malloc(8 * num_rows + 8), malloc(8 * num_rows + 8), NULL, 0};
    int has_memory = band.hashes && band.entries;
    for (size_t number = 0; has_memory && number < num_bands; number++) {
        memset(starts, 0, sizeof starts);
        for (size_t i = 0; i < num_rows; i++) {
            band.hashes[i] = hashes[i * num_bands + number];
            starts[bits ? band.hashes[i] * HASH_MIX >> (64 - bits) : 0]++;
        }
        uint32_t total = 0, largest = 0;
        for (size_t part = 0; part < (size_t)1 << bits; part++) {
            uint32_t count = starts[part];
            largest = count > largest ? count : largest;
            starts[part] = total;
            total += count;
        }
        if (band.table_size < 4 * (size_t)largest + 2) {
            band.table_size = 4 * (size_t)largest + 2;
            free(band.table);
            band.table = malloc(band.table_size * sizeof *band.table);
            has_memory = band.table != NULL;
        }
        if (has_memory)
            join_band(&band, num_rows, bits, starts, places, parents);
    }
    free(band.hashes);
    free(band.entries);
    free(band.table);
    return has_memory;
}
