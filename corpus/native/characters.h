/* Characters of UTF-8, read and written, and what the table of corpus/characters.py says of each. */

#define NUM_CODES 0x110000
#define CLASS_SHIFT 24

enum { CLASS_SPACE, CLASS_SYMBOL, CLASS_RUN, CLASS_SINGLE };

/* Of every code point: its lower case and, in the upper bits, its class. */
static const uint32_t *code_table;

/* Decodes the character at *at and moves behind it; Arrow has checked that the text is UTF-8. */
static inline uint32_t next_code(const uint8_t *text, size_t size, size_t *at) {
    uint32_t code = text[*at];
    size_t length = code < 0x80 ? 1 : code < 0xE0 ? 2 : code < 0xF0 ? 3 : 4;
    if (*at + length > size)
        length = 1;
    if (length > 1) {
        code &= 0x7F >> length;
        for (size_t i = 1; i < length; i++)
            code = code << 6 | (text[*at + i] & 0x3F);
    }
    *at += length;
    return code < NUM_CODES ? code : 0xFFFD;
}

static inline size_t write_utf8(uint8_t *out, uint32_t code) {
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i; i--) {
        out[i] = (uint8_t)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (uint8_t)((0xF00 >> length) | code);
    return length;
}

/* set_characters(table): the table of all code points, kept for the life of the process. */
static PyObject *set_characters(PyObject *module, PyObject *table) {
    static PyObject *kept;
    if (!PyBytes_Check(table) || PyBytes_GET_SIZE(table) != 4 * NUM_CODES) {
        PyErr_SetString(PyExc_ValueError, "the table has four bytes for each code point");
        return NULL;
    }
    Py_INCREF(table);
    code_table = (const uint32_t *)PyBytes_AS_STRING(table);
    Py_XSETREF(kept, table);
    Py_RETURN_NONE;
}
