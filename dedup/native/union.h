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
#define GROUP 8 /* columns copied at once: a cache line of a row */

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
    const uint64_t *hashes; /* [num_rows] */
    struct entry *entries;  /* [num_rows], part after part */
    struct entry *table;    /* [table_size] */
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

static inline size_t part_of(uint64_t hash, unsigned bits) {
    return bits ? hash * HASH_MIX >> (64 - bits) : 0;
}

/* Joins the rows that have equal hashes in one column; returns 0 where memory is short. */
static int join_band(struct band *band, size_t num_rows, uint32_t *parents) {
    unsigned bits = 0;
    while (bits < MAX_PART_BITS && num_rows >> bits > PART_ROWS)
        bits++;
    uint32_t ends[1 << MAX_PART_BITS] = {0}, total = 0, largest = 0;
    for (size_t i = 0; i < num_rows; i++)
        ends[part_of(band->hashes[i], bits)]++;
    for (size_t part = 0; part < (size_t)1 << bits; part++) {
        uint32_t count = ends[part];
        largest = count > largest ? count : largest;
        ends[part] = total;
        total += count;
    }
    if (band->table_size < 4 * (size_t)largest + 2) {
        band->table_size = 4 * (size_t)largest + 2;
        free(band->table);
        band->table = malloc(band->table_size * sizeof *band->table);
        if (!band->table)
            return 0;
    }
    for (size_t i = 0; i < num_rows; i++) {
        uint64_t hash = band->hashes[i];
        uint32_t told = (uint32_t)(hash * HASH_MIX >> (32 - MAX_PART_BITS));
        band->entries[ends[part_of(hash, bits)]++] = (struct entry){told, (uint32_t)i};
    }
    for (size_t part = 0, start = 0; part < (size_t)1 << bits; start = ends[part++])
        if (ends[part] - start > 1)
            join_part(band, band->entries + start, ends[part] - start, parents);
    return 1;
}

/* Joins the rows that share a hash in a column of hashes [num_rows, num_bands]; returns 0 where
 * memory is short. It takes 72 bytes a row and the table of the largest part. */
static int join_bands(const uint64_t *hashes, size_t num_rows, size_t num_bands,
                      uint32_t *parents) {
    uint64_t *columns = malloc(GROUP * sizeof *columns * num_rows + 1);
    struct band band = {NULL, malloc(sizeof *band.entries * num_rows + 1), NULL, 0};
    int has_memory = columns && band.entries;
    for (size_t first = 0; has_memory && first < num_bands; first += GROUP) {
        size_t num = num_bands - first < GROUP ? num_bands - first : GROUP;
        for (size_t i = 0; i < num_rows; i++)
            for (size_t j = 0; j < num; j++)
                columns[j * num_rows + i] = hashes[i * num_bands + first + j];
        for (size_t j = 0; has_memory && j < num; j++) {
            band.hashes = columns + j * num_rows;
            has_memory = join_band(&band, num_rows, parents);
        }
    }
    free(columns);
    free(band.entries);
    free(band.table);
    return has_memory;
}
