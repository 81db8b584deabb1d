/* Byte-level BPE without merging: the tokens of a piece in time linear in its length.
 *
 * Ids are ranks here: of two merges the one that makes the lower id comes first, and what it makes
 * is higher than what it is made of. A sequence of tokens is then what the merges leave of its
 * bytes if and only if that is so of each two neighbours alone: the first merge across a border
 * would have been made between the two as well. There is one such sequence. So the longest token is
 * tried first, then shorter ones, each against its neighbour before. A position from which nothing
 * goes on is marked, since only one sequence ends there. */

#define FILTER_BITS 20

struct token {
    int32_t left, right; /* what it is merged of; a byte's are itself */
    int32_t size;
    int32_t shorter; /* the longest other token that it begins with */
};

struct vocabulary {
    int32_t num_tokens;
    struct token *tokens;
    uint64_t *pairs;  /* left, right and what they make, ID_BITS each; 0 is empty */
    size_t pair_bits;
    uint64_t *filter; /* a bit for the hash of each pair: most pairs asked for do not exist */
    struct trie trie;
    uint8_t *classes; /* of all code points, for pieces.h */
    int is_plain;     /* its ASCII characters are cut as plain.h does it */
};

static inline uint64_t pair_key(int32_t left, int32_t right) {
    return (uint64_t)left << ID_BITS | (uint64_t)right;
}

static inline uint64_t hash_key(uint64_t key) { return key * 0x9E3779B97F4A7C15u; }

/* Returns the token that two are merged to. */
static inline int32_t merged(const struct vocabulary *vocabulary, int32_t left, int32_t right) {
    uint64_t key = pair_key(left, right), hash = hash_key(key), entry;
    size_t bit = hash >> (64 - FILTER_BITS);
    if (!(vocabulary->filter[bit / 64] >> bit % 64 & 1))
        return NO_TOKEN;
    size_t mask = ((size_t)1 << vocabulary->pair_bits) - 1;
    size_t slot = hash >> (64 - vocabulary->pair_bits);
    while ((entry = vocabulary->pairs[slot])) {
        if (entry >> ID_BITS == key)
            return (int32_t)(entry & (MAX_TOKENS - 1));
        slot = (slot + 1) & mask;
    }
    return NO_TOKEN;
}

/* Whether two neighbours stay apart while merges below `limit` are made: takes the last merges back
 * one by one and looks for one across the border that would have come before. */
static inline int stay_apart(const struct vocabulary *vocabulary, int32_t left, int32_t right,
                             int32_t limit) {
    for (;;) {
        int32_t both = merged(vocabulary, left, right);
        if (both != NO_TOKEN && both < limit)
            return 0;
        int32_t left_part = vocabulary->tokens[left].right;
        int32_t right_part = vocabulary->tokens[right].left;
        if (left_part == left && right_part == right)
            return 1;
        /* Equal merges are made from the left, so of equal ones the right is the later. One across
         * the border comes before an equal one on its right, but behind one on its left. */
        if (right_part == right || left > right) {
            limit = left;
            left = left_part;
        } else {
            limit = right + 1;
            right = right_part;
        }
    }
}

/* What was found of the pairs of neighbours asked about last. A pair is mixed one to one, so that
 * the place and what is kept there tell which it is. */
struct neighbours {
    uint32_t *entries; /* the rest of the mixed pair, then whether it stays apart; 0 is empty */
    size_t bits;
};

#define MIN_NEIGHBOUR_BITS (2 * ID_BITS - 30)

static inline int are_apart(const struct vocabulary *vocabulary, struct neighbours known,
                            int32_t left, int32_t right) {
    uint64_t mixed = hash_key(pair_key(left, right)) & (((uint64_t)1 << 2 * ID_BITS) - 1);
    uint64_t rest_bits = 2 * ID_BITS - known.bits;
    uint32_t *entry = &known.entries[mixed >> rest_bits];
    uint32_t rest = (uint32_t)(mixed & (((uint64_t)1 << rest_bits) - 1)) << 2 | 2;
    if ((*entry & ~1u) != rest)
        *entry = rest | (uint32_t)stay_apart(vocabulary, left, right, MAX_TOKENS);
    return *entry & 1;
}

/* Writes the tokens of a piece and returns where they end; NULL if a byte has no token. `dead` has
 * a zero bit for each byte of the piece, and will again. */
static int32_t *encode_piece(const struct vocabulary *vocabulary, struct neighbours known,
                             const uint8_t *bytes, size_t size, int32_t *out, uint64_t *dead) {
    size_t at = 0, end = 0, last_dead = 0;
    int32_t *first = out;
    int32_t token = longest_token(&vocabulary->trie, bytes, size, &end);
    for (;;) {
        while (token != NO_TOKEN) {
            if (!(dead[end / 64] >> end % 64 & 1) &&
                (out == first || are_apart(vocabulary, known, out[-1], token)))
                break;
            token = vocabulary->tokens[token].shorter;
            end = at + (token == NO_TOKEN ? 0 : (size_t)vocabulary->tokens[token].size);
        }
        if (token != NO_TOKEN) {
            *out++ = token;
            at = end;
            if (at == size)
                break;
            token = longest_token(&vocabulary->trie, bytes + at, size - at, &end);
            continue;
        }
        if (out == first)
            return NULL;
        dead[at / 64] |= (uint64_t)1 << at % 64;
        last_dead = at > last_dead ? at : last_dead;
        token = *--out;
        at -= (size_t)vocabulary->tokens[token].size;
        token = vocabulary->tokens[token].shorter;
        end = at + (token == NO_TOKEN ? 0 : (size_t)vocabulary->tokens[token].size);
    }
    if (last_dead)
        memset(dead, 0, 8 * (last_dead / 64 + 1));
    return out;
}
