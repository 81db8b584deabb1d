/* Words and shingles, once for each instruction set: sketch.c includes this with NAME() set.
 *
 * A text is lower-cased into a buffer of its own, with two bits a byte beside it, because words
 * are then found 64 bytes at a time. */

#undef LOWEST_BIT

/* Lower-cases 64 ASCII bytes and says which are of words, which are spaces and which are not ASCII
 * after all. */
#if defined(KERNEL_AVX2)
#define LOWEST_BIT(bits) _tzcnt_u64(bits)
static inline __m256i NAME(in_range)(__m256i bytes, char first, char length) {
    __m256i offset = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first));
    return _mm256_cmpeq_epi8(_mm256_min_epu8(offset, _mm256_set1_epi8(length)), offset);
}

static inline struct classes NAME(classify)(const uint8_t *in, uint8_t *lower) {
    struct classes found = {0, 0, 0};
    for (int half = 0; half < 2; half++) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(in + 32 * half));
        __m256i upper = NAME(in_range)(bytes, 'A', 25);
        __m256i small = _mm256_or_si256(bytes, _mm256_and_si256(upper, _mm256_set1_epi8(0x20)));
        __m256i word = _mm256_or_si256(NAME(in_range)(small, 'a', 25),
                                       NAME(in_range)(bytes, '0', 9));
        word = _mm256_or_si256(word, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('_')));
        __m256i space = NAME(in_range)(bytes, 0, ' ');
        _mm256_storeu_si256((__m256i *)(lower + 32 * half), small);
        found.words |= (uint64_t)(uint32_t)_mm256_movemask_epi8(word) << (32 * half);
        found.spaces |= (uint64_t)(uint32_t)_mm256_movemask_epi8(space) << (32 * half);
        found.others |= (uint64_t)(uint32_t)_mm256_movemask_epi8(bytes) << (32 * half);
    }
    return found;
}
#else
#define LOWEST_BIT(bits) (size_t)__builtin_ctzll((bits) | UINT64_C(1) << 63)
/* Returns the lowest bits of 8 bytes, each 0 or 1. */
static inline uint64_t NAME(pack)(const uint8_t *bytes) {
    return load64(bytes) * UINT64_C(0x0102040810204080) >> 56;
}

static inline struct classes NAME(classify)(const uint8_t *in, uint8_t *lower) {
    uint8_t word[64], space[64], other[64];
    for (int i = 0; i < 64; i++) {
        uint8_t byte = in[i];
        uint8_t small = byte | (uint8_t)((uint8_t)(byte - 'A') < 26 ? 0x20 : 0);
        word[i] = ((uint8_t)(small - 'a') < 26) | ((uint8_t)(byte - '0') < 10) | (byte == '_');
        space[i] = byte <= ' ';
        other[i] = byte >> 7;
        lower[i] = small;
    }
    struct classes found = {0, 0, 0};
    for (int i = 0; i < 8; i++) {
        found.words |= NAME(pack)(word + 8 * i) << (8 * i);
        found.spaces |= NAME(pack)(space + 8 * i) << (8 * i);
        found.others |= NAME(pack)(other + 8 * i) << (8 * i);
    }
    return found;
}
#endif

/* Puts the characters from text[at] on into scratch, up to the next ASCII one. */
static size_t NAME(read_others)(const uint8_t *text, size_t size, size_t at, int symbols_too,
                                uint64_t *in_run, struct scratch *scratch) {
    size_t out = scratch->size;
    while (at < size && text[at] >= 0x80) {
        struct character character = next_character(text, size, &at);
        int class = character.class;
        size_t length = write_utf8(scratch->lower + out, character.lower);
        scratch->num_visible += class == CLASS_SPACE ? 0 : length;
        scratch->num_word_bytes += class >= CLASS_RUN ? length : 0;
        if (class == CLASS_SYMBOL && symbols_too)
            class = CLASS_SINGLE;
        uint64_t bytes = class >= CLASS_RUN ? (UINT64_C(1) << length) - 1 : 0;
        uint64_t start = class == CLASS_SINGLE || (class == CLASS_RUN && !*in_run);
        put_bits(scratch->starts, out, start);
        put_bits(scratch->goes_on, out, bytes & ~start);
        *in_run = class == CLASS_RUN;
        out += length;
    }
    scratch->size = out;
    return at;
}

/* Puts full blocks of ASCII, from text[at] on, into scratch as long as there are some. */
static inline size_t NAME(read_blocks)(const uint8_t *text, size_t size, size_t at,
                                       int symbols_too, uint64_t *in_run,
                                       struct scratch *scratch) {
    uint64_t *starts = scratch->starts, *goes_on = scratch->goes_on, runs_on = *in_run;
    uint64_t num_spaces = 0, num_word_bytes = 0;
    uint8_t *lower = scratch->lower;
    size_t first = at, out = scratch->size;
    for (; size - at >= 64; at += 64, out += 64) {
        struct classes found = NAME(classify)(text + at, lower + out);
        if (found.others)
            break;
        uint64_t begins = found.words & ~(found.words << 1 | runs_on);
        uint64_t singles = symbols_too ? ~(found.words | found.spaces) : 0;
        put_bits(starts, out, begins | singles);
        put_bits(goes_on, out, found.words & ~begins);
        runs_on = found.words >> 63;
        num_spaces += (uint64_t)__builtin_popcountll(found.spaces);
        num_word_bytes += (uint64_t)__builtin_popcountll(found.words);
    }
    scratch->size = out;
    scratch->num_visible += at - first - num_spaces;
    scratch->num_word_bytes += num_word_bytes;
    *in_run = runs_on;
    return at;
}

/* Puts the ASCII from text[at] on into scratch, up to 64 bytes of it. */
static size_t NAME(read_some)(const uint8_t *text, size_t size, size_t at, int symbols_too,
                              uint64_t *in_run, struct scratch *scratch) {
    uint8_t block[64] = {0}; /* the bytes behind a text are not ours to read */
    size_t length = size - at < 64 ? size - at : 64, out = scratch->size;
    memcpy(block, text + at, length);
    struct classes found = NAME(classify)(block, scratch->lower + out);
    if (found.others)
        length = LOWEST_BIT(found.others);
    if (!length)
        return at;
    uint64_t words = found.words & ~UINT64_C(0) >> (64 - length);
    uint64_t visible = ~found.spaces & ~UINT64_C(0) >> (64 - length);
    uint64_t begins = words & ~(words << 1 | *in_run);
    put_bits(scratch->starts, out, symbols_too ? begins | (visible & ~words) : begins);
    put_bits(scratch->goes_on, out, words & ~begins);
    scratch->num_visible += (uint64_t)__builtin_popcountll(visible);
    scratch->num_word_bytes += (uint64_t)__builtin_popcountll(words);
    *in_run = words >> (length - 1);
    scratch->size = out + length;
    return at + length;
}

/* Fills scratch->lower, ->starts and ->goes_on from one text; every symbol is a word if asked. */
static void NAME(find_words)(const uint8_t *text, size_t size, int symbols_too,
                             struct scratch *scratch) {
    uint64_t in_run = 0; /* whether a letter now would go on with a word */
    scratch->num_visible = scratch->num_word_bytes = scratch->size = 0;
    scratch->starts[0] = scratch->goes_on[0] = 0;
    for (size_t at = 0; at < size;) {
        at = NAME(read_blocks)(text, size, at, symbols_too, &in_run, scratch);
        at = NAME(read_some)(text, size, at, symbols_too, &in_run, scratch);
        at = NAME(read_others)(text, size, at, symbols_too, &in_run, scratch);
    }
    memset(scratch->lower + scratch->size, 0, 16);
}

/* The hash of the last bytes of a word, 16 at most; reads 16 bytes. */
static inline uint64_t NAME(last_bytes_hash)(const uint8_t *bytes, size_t num, uint64_t hash) {
    static const uint64_t masks[] = {
#define FIRST(n) (~UINT64_C(0) >> (64 - 8 * (n)))
        0,        0,        0,        0,        0,        0,        0,        0,        0,
        FIRST(1), FIRST(2), FIRST(3), FIRST(4), FIRST(5), FIRST(6), FIRST(7), FIRST(8), FIRST(8),
        FIRST(8), FIRST(8), FIRST(8), FIRST(8), FIRST(8), FIRST(8), FIRST(8),
#undef FIRST
    };
    hash = (hash ^ (load64(bytes) & masks[num + 8])) * WORD_FIRST;
    hash ^= hash >> 32;
    hash = (hash ^ (load64(bytes + 8) & masks[num])) * WORD_SECOND;
    return hash ^ hash >> 29;
}

/* The hash of a word's bytes, one at least; reads up to 16 from its start. A word is taken in
 * steps of 8 bytes, as if zeros were behind it, and two of them at least: most need no branch. */
static uint64_t NAME(word_hash)(const uint8_t *bytes, size_t length) {
    uint64_t hash = length * WORD_SEED;
    while (length > 16) {
        hash = (hash ^ load64(bytes)) * WORD_FIRST;
        hash ^= hash >> 32;
        bytes += 8;
        length -= 8;
    }
    return NAME(last_bytes_hash)(bytes, length, hash);
}

/* Appends base plus the number of each set bit; writes up to 8 more. Returns how many there are. */
static inline size_t NAME(flatten)(uint64_t bits, size_t base, size_t *out) {
    size_t num = (size_t)__builtin_popcountll(bits);
    for (size_t first = 0; first < num; first += 8)
        for (size_t i = first; i < first + 8; i++) {
            size_t place = base + LOWEST_BIT(bits);
            KEEP_SCALAR(place);
            out[i] = place;
            bits &= bits - 1;
        }
    return num;
}

/* How many bytes the word at this place has; of one of 56 or more, at least so many. */
static inline size_t NAME(word_length)(const uint8_t *goes_on, size_t start) {
    uint64_t ahead = load64(goes_on + start / 8) >> (start % 8);
    return LOWEST_BIT(ahead + 2); /* bit 0 is not set; the 1 goes through those that are */
}

static uint64_t NAME(long_word_hash)(const struct scratch *scratch, size_t start, size_t length) {
    if (length >= 56)
        while (scratch->goes_on[(start + length) / 64] >> ((start + length) % 64) & 1)
            length++;
    return NAME(word_hash)(scratch->lower + start, length);
}

#define BLOCK_MASKS 16

/* Writes the hash of every word in order; returns how many there are. */
static size_t NAME(hash_words)(const struct scratch *scratch, uint64_t *hashes) {
    size_t starts[64 * BLOCK_MASKS + 8], num_words = 0, num_masks = scratch->size / 64 + 1;
    uint64_t seeds[17];
    for (uint64_t i = 0; i < 17; i++)
        seeds[i] = i * WORD_SEED;
    const uint8_t *lower = scratch->lower, *goes_on = (const uint8_t *)scratch->goes_on;
    for (size_t first = 0; first < num_masks; first += BLOCK_MASKS) {
        size_t last = first + BLOCK_MASKS < num_masks ? first + BLOCK_MASKS : num_masks;
        size_t num_starts = 0;
        for (size_t i = first; i < last; i++)
            num_starts += NAME(flatten)(scratch->starts[i], 64 * i, starts + num_starts);
        for (size_t i = 0; i < num_starts; i++) {
            size_t length = NAME(word_length)(goes_on, starts[i]);
            hashes[num_words + i] = __builtin_expect(length > 16, 0)
                                        ? NAME(long_word_hash)(scratch, starts[i], length)
                                        : NAME(last_bytes_hash)(lower + starts[i], length,
                                                                seeds[length]);
        }
        num_words += num_starts;
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
    memset(scratch->lower + size, 0, 16);
    scratch->hashes[0] = mix64(NAME(word_hash)(scratch->lower, size) + SHORT_TEXT);
    return 1;
}
