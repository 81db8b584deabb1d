/* The kernel once for each instruction set: sketch.c includes this with NAME() and a target set.
 *
 * A text is lower-cased into a buffer of its own, with two bits a byte beside it (part of a word;
 * begins a word), because words are then found 64 bytes at a time.
 */

/* Lower-cases 64 ASCII bytes and says which are of words and which are spaces; the result is
 * nonzero, and the rest of no use, if one of them is not ASCII. */
#if defined(KERNEL_AVX2)
static inline __m256i NAME(in_range)(__m256i bytes, char first, char length) {
    __m256i offset = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(offset, _mm256_set1_epi8(length)), offset);
}

static inline uint64_t NAME(classify)(const uint8_t *in, uint8_t *lower, uint64_t *words,
                                      uint64_t *spaces) {
    uint64_t word_bits = 0, space_bits = 0, high_bits = 0;
    for (int half = 0; half < 2; half++) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(in + 32 * half));
        __m256i upper = NAME(in_range)(bytes, 'A', 25);
        __m256i small = _mm256_or_si256(bytes, _mm256_and_si256(upper, _mm256_set1_epi8(0x20)));
        __m256i word = _mm256_or_si256(NAME(in_range)(small, 'a', 25),
                                       NAME(in_range)(bytes, '0', 9));
        word = _mm256_or_si256(word, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('_')));
        __m256i space = NAME(in_range)(bytes, 0, ' ');
        _mm256_storeu_si256((__m256i *)(lower + 32 * half), small);
        word_bits |= (uint64_t)(uint32_t)_mm256_movemask_epi8(word) << (32 * half);
        space_bits |= (uint64_t)(uint32_t)_mm256_movemask_epi8(space) << (32 * half);
        high_bits |= (uint64_t)(uint32_t)_mm256_movemask_epi8(bytes);
    }
    *words = word_bits;
    *spaces = space_bits;
    return high_bits;
}
#else
static inline uint64_t NAME(classify)(const uint8_t *in, uint8_t *lower, uint64_t *words,
                                      uint64_t *spaces) {
    uint64_t word_bits = 0, space_bits = 0;
    uint8_t high = 0;
    for (int i = 0; i < 64; i++) {
        uint8_t byte = in[i], upper = (uint8_t)(byte - 'A') < 26;
        uint8_t small = byte | (uint8_t)(upper << 5);
        uint64_t word = (uint8_t)(small - 'a') < 26 || (uint8_t)(byte - '0') < 10 || byte == '_';
        lower[i] = small;
        high |= byte & 0x80;
        word_bits |= word << i;
        space_bits |= (uint64_t)(byte <= ' ') << i;
    }
    *words = word_bits;
    *spaces = space_bits;
    return high;
}
#endif

static inline void NAME(put_bits)(uint64_t *bits, size_t at, uint64_t value) {
    bits[at / 64] |= value << (at % 64);
    if (at % 64)
        bits[at / 64 + 1] |= value >> (64 - at % 64);
}

/* Fills scratch->lower, ->in_word and ->begins from one text; every symbol is a word if asked. */
static void NAME(find_words)(const uint8_t *text, size_t size, int symbols_too,
                             struct scratch *scratch) {
    uint8_t *lower = scratch->lower;
    size_t at = 0, out = 0;
    uint64_t after_single = 0; /* the byte behind a one-character word begins another */
    scratch->num_visible = scratch->num_word_bytes = 0;
    memset(scratch->in_word, 0, scratch->mask_bytes);
    memset(scratch->begins, 0, scratch->mask_bytes);
    while (at < size) {
        uint64_t words, spaces;
        if (at + 64 <= size && !NAME(classify)(text + at, lower + out, &words, &spaces)) {
            uint64_t singles = symbols_too ? ~(words | spaces) : 0;
            NAME(put_bits)(scratch->in_word, out, words | singles);
            if (singles | after_single)
                NAME(put_bits)(scratch->begins, out, singles | singles << 1 | after_single);
            after_single = singles >> 63;
            scratch->num_visible += 64 - __builtin_popcountll(spaces);
            scratch->num_word_bytes += __builtin_popcountll(words);
            at += 64;
            out += 64;
            continue;
        }
        size_t stop = at + 64 < size ? at + 64 : size;
        while (at < stop) {
            struct character character = next_character(text, size, &at);
            int class = character.class;
            size_t length = write_utf8(lower + out, character.lower);
            if (class == CLASS_SYMBOL && symbols_too)
                class = CLASS_SINGLE;
            uint64_t bytes = (UINT64_C(1) << length) - 1;
            if (class == CLASS_RUN || class == CLASS_SINGLE)
                NAME(put_bits)(scratch->in_word, out, bytes);
            if (class == CLASS_SINGLE || after_single)
                NAME(put_bits)(scratch->begins, out, 1);
            after_single = class == CLASS_SINGLE;
            scratch->num_visible += character.class == CLASS_SPACE ? 0 : length;
            scratch->num_word_bytes +=
                character.class == CLASS_RUN || character.class == CLASS_SINGLE ? length : 0;
            out += length;
        }
    }
    scratch->size = out;
    memset(lower + out, 0, 8);
}

/* The hash of a word's bytes, one at least; reads up to 7 past its end. */
static inline uint64_t NAME(word_hash)(const uint8_t *bytes, size_t length) {
    uint64_t hash = length * WORD_SEED;
    while (length > 8) {
        hash = (hash ^ load64(bytes)) * WORD_FIRST;
        hash ^= hash >> 32;
        bytes += 8;
        length -= 8;
    }
    hash = (hash ^ (load64(bytes) & (~UINT64_C(0) >> (64 - 8 * length)))) * WORD_FIRST;
    hash ^= hash >> 32;
    hash *= WORD_SECOND;
    return hash ^ (hash >> 29);
}

/* Writes the hash of every word in order; returns how many there are. */
static size_t NAME(hash_words)(const struct scratch *scratch, uint64_t *hashes) {
    const uint8_t *lower = scratch->lower;
    size_t num_words = 0, num_masks = scratch->size / 64 + 1;
    uint64_t carry = 0;
    size_t start = NO_START;
    for (size_t i = 0; i < num_masks; i++) {
        uint64_t word = scratch->in_word[i];
        uint64_t behind = word << 1 | carry;
        uint64_t starts = word & (~behind | scratch->begins[i]);
        uint64_t stops = behind & (~word | starts);
        size_t base = 64 * i;
        carry = word >> 63;
        while (stops) {
            size_t stop = base + (size_t)__builtin_ctzll(stops);
            stops &= stops - 1;
            /* an open word began in an earlier mask, or at the lowest start left */
            if (start == NO_START) {
                start = base + (size_t)__builtin_ctzll(starts);
                starts &= starts - 1;
            }
            hashes[num_words++] = NAME(word_hash)(lower + start, stop - start);
            start = NO_START;
        }
        if (starts)
            start = base + (size_t)__builtin_ctzll(starts);
    }
    return num_words;
}

/* Replaces word hashes, at least `ngram` of them, by the hashes of their n-grams. */
static size_t NAME(hash_shingles)(uint64_t *hashes, size_t num_words, size_t ngram) {
    size_t num_shingles = num_words - ngram + 1;
    if (ngram == 5) {
        for (size_t i = 0; i < num_shingles; i++)
            hashes[i] = mix64(hashes[i] + rotate(hashes[i + 1], 11) + rotate(hashes[i + 2], 22) +
                              rotate(hashes[i + 3], 33) + rotate(hashes[i + 4], 44));
        return num_shingles;
    }
    for (size_t i = 0; i < num_shingles; i++) {
        uint64_t sum = hashes[i];
        for (size_t j = 1; j < ngram; j++)
            sum += rotate(hashes[i + j], 11 * j % 64);
        hashes[i] = mix64(sum);
    }
    return num_shingles;
}

/* Fast Similarity Sketching: rounds of throwing every element into a bin until none is empty. */
static void NAME(fast_sketch)(const uint64_t *shingles, size_t num_shingles, uint64_t salt,
                              uint32_t num_bins, int value_bits, uint32_t *bins) {
    uint32_t drop = 32 - (uint32_t)value_bits;
    for (size_t i = 0; i < num_shingles; i++) {
        uint64_t hash = shingles[i] ^ salt;
        uint32_t bin = (uint32_t)((hash >> 32) * num_bins >> 32);
        uint32_t value = (uint32_t)hash >> drop;
        bins[bin] = value < bins[bin] ? value : bins[bin];
    }
    uint32_t num_empty = 0;
    for (uint32_t i = 0; i < num_bins; i++)
        num_empty += bins[i] == EMPTY;
    for (uint32_t round = 1; num_empty && round < num_bins; round++) {
        uint64_t shift = salt + round * ROUND_STEP;
        uint32_t tag = round << value_bits, num_filled = 0;
        for (size_t i = 0; i < num_shingles; i++) {
            uint64_t hash = mix64(shingles[i] + shift);
            uint32_t bin = (uint32_t)((hash >> 32) * num_bins >> 32);
            uint32_t value = tag | (uint32_t)hash >> drop;
            uint32_t old = bins[bin];
            num_filled += old == EMPTY;
            bins[bin] = value < old ? value : old;
        }
        num_empty -= num_filled;
    }
    for (uint32_t bin = 0; num_empty && bin < num_bins; bin++) {
        if (bins[bin] != EMPTY)
            continue;
        uint64_t shift = salt + (num_bins + bin) * ROUND_STEP;
        for (size_t i = 0; i < num_shingles; i++) {
            uint32_t value = (num_bins + bin) << value_bits |
                             (uint32_t)mix64(shingles[i] + shift) >> drop;
            bins[bin] = value < bins[bin] ? value : bins[bin];
        }
        num_empty--;
    }
}

/* k permutations: the minimum of a * x + b over all x, for each of the k pairs. */
static void NAME(permutation_sketch)(const uint64_t *shingles, size_t num_shingles,
                                     uint32_t num_permutations, const uint32_t *multipliers,
                                     const uint32_t *increments, uint32_t *minima) {
    for (uint32_t first = 0; first < num_permutations; first += LANES) {
        uint32_t a[LANES] = {0}, b[LANES] = {0}, low[LANES];
        uint32_t num = num_permutations - first < LANES ? num_permutations - first : LANES;
        for (uint32_t j = 0; j < LANES; j++)
            low[j] = EMPTY;
        for (uint32_t j = 0; j < num; j++) {
            a[j] = multipliers[first + j];
            b[j] = increments[first + j];
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

/* Leaves the shingles of a text in scratch->hashes; returns how many there are. */
static size_t NAME(text_shingles)(const uint8_t *text, size_t size, size_t ngram,
                                  struct scratch *scratch) {
    if (!size)
        return 0;
    NAME(find_words)(text, size, 0, scratch);
    /* little of a program in APL or Brainfuck is made of letters: its symbols are its words */
    if (scratch->num_word_bytes * SYMBOL_SHARE < scratch->num_visible)
        NAME(find_words)(text, size, 1, scratch);
    size_t num_words = NAME(hash_words)(scratch, scratch->hashes);
    if (num_words >= ngram)
        return NAME(hash_shingles)(scratch->hashes, num_words, ngram);
    /* too short to be alike: only the very same text has this shingle */
    memcpy(scratch->lower, text, size);
    memset(scratch->lower + size, 0, 8);
    scratch->hashes[0] = mix64(NAME(word_hash)(scratch->lower, size) + SHORT_TEXT);
    return 1;
}
