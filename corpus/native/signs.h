/* Formulas between delimiters in the texts of a page, and lines of its code; the twin of
 * corpus/extract/signs.py, value for value: change both or neither. */

#define MAX_FORMULA 8000
#define MAX_DOLLAR 1000

struct signs {
    const uint8_t *text;
    const struct names *environments;
    uint8_t pending;     /* the open delimiter: ( [ b(egin) D(ouble dollar) $, or 0 */
    size_t pending_at;   /* where what it encloses begins */
    int64_t num_delimited, num_dollars, num_plain;
    int64_t num_lines;
    int is_line; /* the line of code so far is not blank */
};

/* Returns where the next backslash or dollar is, `stop` if there is none. */
static inline size_t find_sign(const uint8_t *text, size_t at, size_t stop) {
#if defined(__SSE2__)
    const __m128i backslash = _mm_set1_epi8('\\'), dollar = _mm_set1_epi8('$');
    for (; at + 16 <= stop; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(text + at));
        __m128i found =
            _mm_or_si128(_mm_cmpeq_epi8(bytes, backslash), _mm_cmpeq_epi8(bytes, dollar));
        int mask = _mm_movemask_epi8(found);
        if (mask)
            return at + (size_t)__builtin_ctz((unsigned)mask);
    }
#endif
    while (at < stop && text[at] != '\\' && text[at] != '$')
        at++;
    return at;
}

static inline int is_word(uint8_t byte) {
    return is_letter(byte) || is_digit(byte) || byte == '_' || byte >= 0x80;
}

static inline int is_script_base(uint8_t byte) {
    return is_letter(byte) || is_digit(byte) || byte == ')' || byte == '}' || byte == ']';
}

/* Tells TeX from prose as looks_like_tex does. */
static int looks_like_tex(const uint8_t *text, size_t at, size_t stop) {
    for (size_t i = at; i + 1 < stop; i++) {
        uint8_t next = text[i + 1];
        if (text[i] == '\\' && is_letter(next) && i + 2 < stop &&
            (is_letter(text[i + 2]) || text[i + 2] == '{'))
            return 1;
        if (text[i] != '_' && text[i] != '^')
            continue;
        if (next == '{' || (i > at && is_script_base(text[i - 1]) &&
                            (is_letter(next) || is_digit(next) || next == '\\' || next == '(')))
            return 1;
    }
    return 0;
}

/* Tells whether single dollars at and stop may enclose a formula. */
static int may_be_formula(const uint8_t *text, size_t at, size_t stop, size_t end) {
    if (stop <= at || stop - at > MAX_DOLLAR || is_space(text[stop - 1]))
        return 0;
    if (stop + 1 < end && is_digit(text[stop + 1]))
        return 0;
    for (size_t i = at; i + 1 < stop; i++)
        if (text[i] == '\n' && text[i + 1] == '\n')
            return 0;
    return 1;
}

/* Tells an amount of money and a word behind it. */
static int is_amount(const uint8_t *text, size_t at, size_t stop) {
    size_t start = at;
    while (at < stop && (is_digit(text[at]) || text[at] == '.' || text[at] == ','))
        at++;
    return at > start && is_digit(text[start]) && at < stop && is_space(text[at]);
}

/* Returns the size of "\begin{name}" or "\end{name}" at a place if it names an environment. */
static size_t environment_size(const struct signs *signs, size_t at, size_t stop, int is_end) {
    const uint8_t *text = signs->text + at;
    size_t left = stop - at, start = is_end ? 5 : 7;
    if (left < start || memcmp(text, is_end ? "\\end{" : "\\begin{", start))
        return 0;
    size_t size = start;
    struct name name = {0};
    while (size < left && is_letter(text[size]))
        extend(&name, text[size++]);
    if (size < left && text[size] == '*')
        size++;
    int is_known = size < left && text[size] == '}' && flags_of(signs->environments, &name);
    return is_known ? size + 1 : 0;
}

static inline void open_formula(struct signs *signs, uint8_t kind, size_t at) {
    if (!signs->pending || signs->pending == '$' || signs->pending == kind ||
        at - signs->pending_at > MAX_FORMULA) {
        signs->pending = kind;
        signs->pending_at = at;
    }
}

static inline void close_formula(struct signs *signs, uint8_t kind, size_t at) {
    if (signs->pending != kind)
        return;
    size_t size = at - signs->pending_at;
    if (kind == 'D')
        signs->num_dollars += size && size <= MAX_FORMULA;
    else
        signs->num_delimited += size && size <= MAX_FORMULA;
    signs->pending = 0;
}

static size_t read_backslash(struct signs *signs, size_t at, size_t stop) {
    uint8_t next = at + 1 < stop ? signs->text[at + 1] : 0;
    size_t size;
    if (next == '(' || next == '[')
        open_formula(signs, next, at + 2);
    else if (next == ')' || next == ']')
        close_formula(signs, next == ')' ? '(' : '[', at);
    else if (next == 'b' && (size = environment_size(signs, at, stop, 0)))
        open_formula(signs, 'b', at + size);
    else if (next == 'e' && environment_size(signs, at, stop, 1))
        close_formula(signs, 'b', at);
    return at + 2;
}

static size_t read_dollar(struct signs *signs, size_t at, size_t start, size_t stop) {
    const uint8_t *text = signs->text;
    if (at + 1 < stop && text[at + 1] == '$') {
        if (signs->pending == 'D')
            close_formula(signs, 'D', at);
        else
            open_formula(signs, 'D', at + 2);
        return at + 2;
    }
    if (signs->pending == '$') {
        signs->pending = 0;
        size_t first = signs->pending_at;
        if (may_be_formula(text, first, at, stop)) {
            int is_sure = looks_like_tex(text, first, at) && !is_amount(text, first, at);
            signs->num_delimited += is_sure;
            signs->num_plain += !is_sure;
            return at + 1;
        }
    }
    if (!signs->pending && at + 1 < stop && !is_space(text[at + 1]) &&
        !(at > start && (is_word(text[at - 1]) || text[at - 1] == '$')))
        open_formula(signs, '$', at + 1);
    return at + 1;
}

/* Reads the delimiters of a text between two tags; single dollars do not reach beyond a tag. */
static void read_text(struct signs *signs, size_t start, size_t stop) {
    if (signs->pending == '$')
        signs->pending = 0;
    for (size_t at = start; (at = find_sign(signs->text, at, stop)) < stop;)
        at = signs->text[at] == '$' ? read_dollar(signs, at, start, stop)
                                    : read_backslash(signs, at, stop);
}

static void end_line(struct signs *signs) {
    signs->num_lines += signs->is_line;
    signs->is_line = 0;
}

static void read_code(struct signs *signs, size_t at, size_t stop) {
    for (; at < stop; at++) {
        if (signs->text[at] == '\n')
            end_line(signs);
        else if (!is_space(signs->text[at]))
            signs->is_line = 1;
    }
}
