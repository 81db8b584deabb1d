/* The throws of Fast Similarity Sketching, once for each instruction set: sketch.c includes this
 * with NAME() set.
 *
 * Every element is thrown into a bin, turn after turn, until none is empty. A bin keeps its least
 * number, which is the turn and, below it, a value. Turn 0 takes 64 bits of an element; later ones,
 * whose elements are few, mix 32 of them. Their order does not matter, so they are gathered. */

#define MAX_HITS 512
#define THROWS 192 /* about so many are made before the empty bins are found again */

static inline void NAME(keep_least)(uint32_t *bins, const uint32_t *places,
                                    const uint32_t *numbers, size_t num) {
    for (size_t i = 0; i < num; i++) {
        uint32_t number = numbers[i], old = bins[places[i]];
        bins[places[i]] = number < old ? number : old;
    }
}

static uint32_t NAME(count_empty)(const uint32_t *bins, uint32_t num_bins) {
    uint32_t num_empty = 0;
    for (uint32_t i = 0; i < num_bins; i++)
        num_empty += bins[i] == EMPTY;
    return num_empty;
}

static inline uint32_t NAME(mix32)(uint32_t element, uint32_t increment, uint32_t multiplier) {
    uint32_t mixed = (element + increment) * multiplier;
    return (mixed ^ mixed >> 15) * MIX32;
}

#if defined(KERNEL_AVX2)
#define TURN_BLOCK 64

/* Reads up to 3 shingles more than there are. */
static void NAME(first_turn)(const uint64_t *shingles, size_t num_shingles,
                             const struct scheme *scheme, uint32_t *bins) {
    const __m256i salt = _mm256_set1_epi64x((long long)scheme->salt);
    const __m256i num_bins = _mm256_set1_epi64x(scheme->num_bins);
    const __m128i drop = _mm_cvtsi32_si128(32 - (int)scheme->value_bits);
    struct {
        uint32_t number, place;
    } thrown[TURN_BLOCK];
    for (size_t first = 0; first < num_shingles; first += TURN_BLOCK) {
        size_t left = num_shingles - first, num = left < TURN_BLOCK ? left : TURN_BLOCK;
        for (size_t i = 0; i < num; i += 4) {
            __m256i hash = _mm256_loadu_si256((const __m256i *)(shingles + first + i));
            hash = _mm256_xor_si256(hash, salt);
            __m256i place = _mm256_mul_epu32(_mm256_srli_epi64(hash, 32), num_bins);
            __m256i number = _mm256_srl_epi32(hash, drop);
            _mm256_storeu_si256((__m256i *)(thrown + i), _mm256_blend_epi32(number, place, 0xAA));
        }
        for (size_t i = 0; i < num; i++) {
            uint32_t number = thrown[i].number, *bin = &bins[thrown[i].place], old = *bin;
            *bin = number < old ? number : old;
        }
    }
}

/* What a throw is made with; of 256 bins at most, a bit for each that is empty. */
struct NAME(board) {
    __m256i empty, num_bins;
    __m128i drop, bin_bits;
    int is_tested; /* else every number counts as a hit */
    int is_power;  /* there are 2^bin_bits bins */
    int is_sparse; /* most throws hit no empty bin */
};

/* Numbers that hit an empty bin, not put into it yet. */
struct NAME(hits) {
    uint32_t num, places[MAX_HITS], numbers[MAX_HITS];
};

/* Finds the empty bins, of 256 at most as a bit each; returns how many there are. */
static uint32_t NAME(find_empty)(const uint32_t *bins, uint32_t num_bins,
                                 struct NAME(board) * board) {
    const __m256i *rows = (const __m256i *)bins, ones = _mm256_set1_epi32(-1);
    uint32_t num_empty = 0, words[8] = {0}, word = 0;
    for (; 32 * word + 32 <= num_bins; word++, rows += 4) {
        __m256i one = _mm256_cmpeq_epi32(_mm256_loadu_si256(rows), ones);
        __m256i two = _mm256_cmpeq_epi32(_mm256_loadu_si256(rows + 1), ones);
        __m256i three = _mm256_cmpeq_epi32(_mm256_loadu_si256(rows + 2), ones);
        __m256i four = _mm256_cmpeq_epi32(_mm256_loadu_si256(rows + 3), ones);
        __m256i all = _mm256_packs_epi16(_mm256_packs_epi32(one, two),
                                         _mm256_packs_epi32(three, four));
        all = _mm256_permutevar8x32_epi32(all, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
        words[word % 8] = (uint32_t)_mm256_movemask_epi8(all);
        num_empty += (uint32_t)__builtin_popcount(words[word % 8]);
    }
    for (uint32_t bin = 32 * word; bin < num_bins; bin++) {
        num_empty += bins[bin] == EMPTY;
        words[word % 8] |= (uint32_t)(bins[bin] == EMPTY) << bin % 32;
    }
    board->empty = _mm256_loadu_si256((const __m256i *)words);
    return num_empty;
}

/* Throws 8 elements in one turn, or one in 8 turns: `tags` are the turns. Returns the number of
 * hits that it writes, with up to 8 more. */
static ALWAYS_INLINE uint32_t NAME(throw)(__m256i elements, __m256i increments,
                                          __m256i multipliers, __m256i tags,
                                          struct NAME(board) board, struct NAME(hits) * hits,
                                          uint32_t num_hits) {
    __m256i mixed = _mm256_mullo_epi32(_mm256_add_epi32(elements, increments), multipliers);
    mixed = _mm256_xor_si256(mixed, _mm256_srli_epi32(mixed, 15));
    mixed = _mm256_mullo_epi32(mixed, _mm256_set1_epi32((int)MIX32));
    __m256i places, values;
    if (board.is_power) {
        places = _mm256_srl_epi32(mixed, _mm_sub_epi32(_mm_cvtsi32_si128(32), board.bin_bits));
        values = _mm256_sll_epi32(mixed, board.bin_bits);
    } else {
        __m256i even = _mm256_mul_epu32(mixed, board.num_bins);
        __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(mixed, 32), board.num_bins);
        places = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
        values = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
    }
    uint32_t mask = 0xFF;
    if (board.is_tested) {
        __m256i bits = _mm256_permutevar8x32_epi32(board.empty, _mm256_srli_epi32(places, 5));
        bits = _mm256_sllv_epi32(bits, _mm256_andnot_si256(places, _mm256_set1_epi32(31)));
        mask = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(bits));
        if (board.is_sparse && !mask)
            return 0;
    }
    __m256i numbers = _mm256_or_si256(_mm256_srl_epi32(values, board.drop), tags);
    __m128i order = _mm_loadl_epi64((const __m128i *)&lanes_of_mask[mask]);
    __m256i lanes = _mm256_cvtepu8_epi32(order);
    _mm256_storeu_si256((__m256i *)(hits->places + num_hits),
                        _mm256_permutevar8x32_epi32(places, lanes));
    _mm256_storeu_si256((__m256i *)(hits->numbers + num_hits),
                        _mm256_permutevar8x32_epi32(numbers, lanes));
    return (uint32_t)__builtin_popcount(mask);
}

/* Throws all elements in one turn; reads up to 7 more of them. */
static ALWAYS_INLINE void NAME(throw_all)(const uint64_t *shingles, size_t num_shingles, uint32_t turn,
                                 const struct scheme *scheme, struct NAME(board) board,
                                 struct NAME(hits) * hits, uint32_t *bins) {
    uint32_t num = hits->num;
    __m256i increments = _mm256_set1_epi32((int)scheme->increments[turn]);
    __m256i multipliers = _mm256_set1_epi32((int)scheme->multipliers[turn]);
    __m256i tags = _mm256_set1_epi32((int)(turn << scheme->value_bits));
    for (size_t i = 0; i < num_shingles; i += 8) {
        __m256 low = _mm256_loadu_ps((const float *)(shingles + i));
        __m256 high = _mm256_loadu_ps((const float *)(shingles + i + 4));
        __m256i elements = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0x88));
        num += NAME(throw)(elements, increments, multipliers, tags, board, hits, num);
        if (num > MAX_HITS - 8) {
            NAME(keep_least)(bins, hits->places, hits->numbers, num);
            num = 0;
        }
    }
    hits->num = num;
}

/* Throws all elements in one turn, with the loop that its bins allow. */
static void NAME(throw_elements)(const uint64_t *shingles, size_t num_shingles, uint32_t turn,
                                 const struct scheme *scheme, struct NAME(board) board,
                                 struct NAME(hits) * hits, uint32_t *bins) {
#define WITH(power, sparse)                                                                        \
    if (board.is_power == power && board.is_sparse == sparse) {                                    \
        board.is_power = power;                                                                    \
        board.is_sparse = sparse;                                                                  \
        NAME(throw_all)(shingles, num_shingles, turn, scheme, board, hits, bins);                  \
        return;                                                                                    \
    }
    WITH(0, 0)
    WITH(0, 1)
    WITH(1, 0)
    WITH(1, 1)
#undef WITH
}

/* Throws all elements in 8 turns, those of them before turn k. */
static void NAME(throw_turns)(const uint64_t *shingles, size_t num_shingles, uint32_t turn,
                              const struct scheme *scheme, struct NAME(board) board,
                              struct NAME(hits) * hits, uint32_t *bins) {
    uint32_t num = hits->num;
    __m256i increments = _mm256_loadu_si256((const __m256i *)(scheme->increments + turn));
    __m256i multipliers = _mm256_loadu_si256((const __m256i *)(scheme->multipliers + turn));
    __m256i turns = _mm256_add_epi32(_mm256_set1_epi32((int)turn),
                                     _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    __m256i is_over = _mm256_cmpgt_epi32(turns, _mm256_set1_epi32((int)scheme->num_bins - 1));
    __m256i tags = _mm256_slli_epi32(turns, (int)scheme->value_bits);
    tags = _mm256_or_si256(tags, is_over); /* makes the number EMPTY, which changes no bin */
    for (size_t i = 0; i < num_shingles; i++) {
        __m256i element = _mm256_set1_epi32((int)(uint32_t)shingles[i]);
        num += NAME(throw)(element, increments, multipliers, tags, board, hits, num);
        if (num > MAX_HITS - 8) {
            NAME(keep_least)(bins, hits->places, hits->numbers, num);
            num = 0;
        }
    }
    hits->num = num;
}

/* Throws from turn 1 on until no bin is empty or turn k comes; returns how many are empty. */
static uint32_t NAME(later_turns)(const uint64_t *shingles, size_t num_shingles,
                                  const struct scheme *scheme, uint32_t *bins) {
    struct NAME(hits) hits;
    struct NAME(board) board;
    uint32_t num_bins = scheme->num_bins;
    board.num_bins = _mm256_set1_epi64x(num_bins);
    board.drop = _mm_cvtsi32_si128(32 - (int)scheme->value_bits);
    board.is_tested = num_bins <= 256;
    board.is_power = num_bins > 1 && (num_bins & (num_bins - 1)) == 0;
    board.bin_bits = _mm_cvtsi32_si128(__builtin_ctz(num_bins));
    hits.num = 0;
    uint32_t num_empty = NAME(find_empty)(bins, num_bins, &board);
    for (uint32_t turn = 1; num_empty && turn < num_bins;) {
        size_t num_thrown = 0;
        board.is_sparse = board.is_tested && 32 * num_empty < num_bins;
        while (num_thrown < THROWS && turn < num_bins) {
            int is_many = num_shingles >= 32;
            if (is_many)
                NAME(throw_elements)(shingles, num_shingles, turn, scheme, board, &hits, bins);
            else
                NAME(throw_turns)(shingles, num_shingles, turn, scheme, board, &hits, bins);
            turn += is_many ? 1 : 8;
            num_thrown += (is_many ? 1 : 8) * num_shingles;
        }
        NAME(keep_least)(bins, hits.places, hits.numbers, hits.num);
        hits.num = 0;
        num_empty = NAME(find_empty)(bins, num_bins, &board);
    }
    return num_empty;
}
#else
static void NAME(first_turn)(const uint64_t *shingles, size_t num_shingles,
                             const struct scheme *scheme, uint32_t *bins) {
    uint64_t num_bins = scheme->num_bins, salt = scheme->salt;
    uint32_t drop = 32 - scheme->value_bits;
    for (size_t i = 0; i < num_shingles; i++) {
        uint64_t hash = shingles[i] ^ salt;
        uint32_t *bin = &bins[(hash >> 32) * num_bins >> 32], old = *bin;
        uint32_t number = (uint32_t)hash >> drop;
        *bin = number < old ? number : old;
    }
}

static void NAME(throw_elements)(const uint64_t *shingles, size_t num_shingles, uint32_t turn,
                                 const struct scheme *scheme, uint32_t *bins) {
    uint32_t places[64], numbers[64], num_bins = scheme->num_bins;
    uint32_t increment = scheme->increments[turn], multiplier = scheme->multipliers[turn];
    uint32_t tag = turn << scheme->value_bits, drop = 32 - scheme->value_bits;
    for (size_t first = 0; first < num_shingles; first += 64) {
        size_t num = num_shingles - first < 64 ? num_shingles - first : 64;
        for (size_t i = 0; i < num; i++) {
            uint32_t mixed = NAME(mix32)((uint32_t)shingles[first + i], increment, multiplier);
            uint64_t product = (uint64_t)mixed * num_bins;
            places[i] = (uint32_t)(product >> 32);
            numbers[i] = tag | (uint32_t)product >> drop;
        }
        NAME(keep_least)(bins, places, numbers, num);
    }
}

/* Throws from turn 1 on until no bin is empty or turn k comes; returns how many are empty. */
static uint32_t NAME(later_turns)(const uint64_t *shingles, size_t num_shingles,
                                  const struct scheme *scheme, uint32_t *bins) {
    uint32_t num_empty = NAME(count_empty)(bins, scheme->num_bins);
    for (uint32_t turn = 1; num_empty && turn < scheme->num_bins;) {
        for (size_t thrown = 0; thrown < THROWS && turn < scheme->num_bins; turn++) {
            NAME(throw_elements)(shingles, num_shingles, turn, scheme, bins);
            thrown += num_shingles;
        }
        num_empty = NAME(count_empty)(bins, scheme->num_bins);
    }
    return num_empty;
}
#endif
