/* What a page's markup holds, and the page without what its text does not depend on, in one scan.
 *
 * The twin of corpus/extract/markup_scan.py, value for value: change both or neither. It says what
 * is cut and why that is safe. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "names.h"
#include "signs.h"
#include "utf8.h"

enum { /* as in corpus/extract/names.py */
    FLAT = 1 << 0, RAW = 1 << 1, HEAD = 1 << 2, WHOLE = 1 << 3, BLOCK = 1 << 4, CODE = 1 << 5,
    FORMATTING = 1 << 6, FOREIGN = 1 << 7, INTEGRATION = 1 << 8, STRANGE = 1 << 9, OPENS = 1 << 10,
    SCRIPT = 1 << 11, PRE = 1 << 12, IMAGE = 1 << 13, OPTION = 1 << 14, SELECT = 1 << 15,
    TEMPLATE = 1 << 16, COLUMN = 1 << 17, BREAK = 1 << 18, MATH = 1 << 19, NOSCRIPT = 1 << 20,
    IS_HEAD = 1 << 21
};
enum { CUT = 1, TYPE = 2, CLASS = 4, ALT = 8, SOURCE = 16, FORMULA = 32 };
enum { DATA_BYTES = 5 };

static struct names tags, attributes, environments, classes;

struct scan {
    const uint8_t *text;
    size_t size;
    uint8_t *out;
    size_t written, copied; /* the text up to `copied` is written or cut */
    struct signs signs;
    int64_t sum, lowest, depth;
    int64_t num_options, num_scripts, num_math, num_images, num_attributes;
    size_t num_pre, num_code, num_open_svg, num_open_math;
    int in_integration, in_select, in_template;
    int certain, head, opened, head_closed;
    size_t whole; /* where an element of the head that is cut begins, else the size */
};

struct value {
    const uint8_t *bytes;
    size_t size;
};

struct tag {
    size_t start, end;
    uint32_t flags;
    int closing, self_closing, num_formulas;
    struct value type, class, alt, source;
};

static int is_foreign(const struct scan *scan) {
    return scan->num_open_svg || scan->num_open_math;
}

static void cut(struct scan *scan, size_t start, size_t stop) {
    if (start < scan->copied)
        return;
    memcpy(scan->out + scan->written, scan->text + scan->copied, start - scan->copied);
    scan->written += start - scan->copied;
    scan->copied = stop;
}

static inline size_t find_byte(const struct scan *scan, uint8_t byte, size_t at) {
    const uint8_t *found =
        at < scan->size ? memchr(scan->text + at, byte, scan->size - at) : NULL;
    return found ? (size_t)(found - scan->text) : scan->size;
}

/* Returns where `<` or `</` and a name stand, in any case and with what ends a name behind it. */
static size_t find_tag(const struct scan *scan, const char *name, size_t at, size_t stop) {
    size_t size = strlen(name);
    for (; (at = find_byte(scan, '<', at)) < stop; at++) {
        if (at + size >= stop)
            return stop;
        size_t i = 0;
        while (i < size && (scan->text[at + 1 + i] | (name[i] == '/' ? 0 : 0x20)) == (uint8_t)name[i])
            i++;
        uint8_t next = scan->text[at + 1 + size < scan->size ? at + 1 + size : at];
        if (i == size && at + 1 + size < stop && (is_space(next) || next == '/' || next == '>'))
            return at;
    }
    return stop;
}

static size_t find_pair(const struct scan *scan, const char *pair, size_t at, size_t stop) {
    size_t size = strlen(pair);
    for (; (at = find_byte(scan, (uint8_t)pair[0], at)) + size <= stop; at++)
        if (!memcmp(scan->text + at, pair, size))
            return at;
    return stop;
}

static size_t comment_end(const struct scan *scan, size_t at) {
    const uint8_t *text = scan->text;
    at += 4;
    if (at < scan->size && text[at] == '>')
        return at + 1;
    if (at + 1 < scan->size && text[at] == '-' && text[at + 1] == '>')
        return at + 2;
    for (; (at = find_byte(scan, '-', at)) + 2 < scan->size; at++) {
        if (text[at + 1] != '-')
            continue;
        if (text[at + 2] == '>')
            return at + 3;
        if (text[at + 2] == '!' && at + 3 < scan->size && text[at + 3] == '>')
            return at + 4;
    }
    return scan->size;
}

/* From here on the parser may see another structure: count all tags there are, and cut nothing. */
static void doubt(struct scan *scan) {
    scan->certain = scan->head = 0;
    scan->num_open_svg = scan->num_open_math = 0;
    scan->whole = scan->size;
}

#include "attributes.h"
#include "elements.h"

/* Returns where the text after a "<" goes on. */
static size_t read_markup(struct scan *scan, size_t at) {
    const uint8_t *text = scan->text;
    uint8_t next = at + 1 < scan->size ? text[at + 1] : 0;
    int closing = next == '/';
    if (is_letter(next) || (closing && at + 2 < scan->size && is_letter(text[at + 2])))
        return read_tag(scan, at, closing);
    if (!scan->certain)
        return at + 1;
    if (next == '!' && at + 3 < scan->size && text[at + 2] == '-' && text[at + 3] == '-') {
        size_t end = comment_end(scan, at);
        if (scan->head && scan->opened)
            cut(scan, at, end);
        return end;
    }
    if (next == '!' || next == '?' || closing) {
        if (next == '!' && is_foreign(scan))
            doubt(scan);
        if (next == '!' && at + 2 < scan->size && (text[at + 2] | 0x20) == 'd')
            scan->opened = 1;
        size_t end = find_byte(scan, '>', at);
        return end < scan->size ? end + 1 : end;
    }
    scan->head = 0;
    return at + 1;
}

static void scan_page(struct scan *scan) {
    const uint8_t *text = scan->text;
    for (size_t at = 0; at < scan->size;) {
        size_t open = find_byte(scan, '<', at);
        if (open > at) {
            for (size_t i = at; scan->head && i < open; i++)
                scan->head = is_space(text[i]);
            if (scan->num_pre)
                read_code(&scan->signs, at, open);
            else if (!scan->num_code && !is_foreign(scan))
                read_text(&scan->signs, at, open);
        }
        if (open >= scan->size)
            break;
        at = read_markup(scan, open);
    }
    end_line(&scan->signs);
    if (scan->copied)
        cut(scan, scan->size, scan->size);
}

/* Formulas of one page have their source in one kind of place, and maybe a picture beside it. */
static int64_t num_sources(const struct scan *scan) {
    int64_t numbers[] = {scan->num_scripts, scan->num_math, scan->num_images, scan->num_attributes};
    int64_t most = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        most = numbers[i] > most ? numbers[i] : most;
    return most;
}

/* scan(page): returns the page after cuts (None where nothing was cut), then the bound of depth and
 * the numbers of options, formula sources, delimited formulas, pairs of $$, other pairs of $, and
 * lines of code. */
static PyObject *scan_bytes(PyObject *module, PyObject *arguments) {
    Py_buffer page;
    if (!PyArg_ParseTuple(arguments, "y*", &page))
        return NULL;
    struct scan scan = {.text = page.buf, .size = (size_t)page.len, .certain = 1, .head = 1,
                        .whole = (size_t)page.len,
                        .signs = {.text = page.buf, .environments = &environments}};
    scan.out = PyMem_Malloc(scan.size + 1);
    if (!scan.out) {
        PyBuffer_Release(&page);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS;
    scan_page(&scan);
    Py_END_ALLOW_THREADS;
    PyObject *html = Py_None;
    if (scan.copied)
        html = PyUnicode_DecodeUTF8((const char *)scan.out, (Py_ssize_t)scan.written, "replace");
    else
        Py_INCREF(html);
    PyMem_Free(scan.out);
    PyBuffer_Release(&page);
    return html ? Py_BuildValue("NLLLLLLL", html, scan.depth, scan.num_options,
                                num_sources(&scan), scan.signs.num_delimited,
                                scan.signs.num_dollars, scan.signs.num_plain,
                                scan.signs.num_lines)
                : NULL;
}

/* is_utf8(page): tells whether it is valid UTF-8 without NUL and escape characters. */
static PyObject *is_utf8(PyObject *module, PyObject *arguments) {
    Py_buffer page;
    if (!PyArg_ParseTuple(arguments, "y*", &page))
        return NULL;
    int is_valid;
    Py_BEGIN_ALLOW_THREADS;
    is_valid = is_plain_utf8(page.buf, (size_t)page.len);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&page);
    return PyBool_FromLong(is_valid);
}

/* set_names(tags, attributes, environments, classes): dicts of bytes to flags. */
static PyObject *set_names(PyObject *module, PyObject *arguments) {
    PyObject *dicts[4];
    struct names *tables[] = {&tags, &attributes, &environments, &classes};
    if (!PyArg_ParseTuple(arguments, "O!O!O!O!", &PyDict_Type, &dicts[0], &PyDict_Type, &dicts[1],
                          &PyDict_Type, &dicts[2], &PyDict_Type, &dicts[3]))
        return NULL;
    for (size_t i = 0; i < 4; i++)
        if (!fill_names(tables[i], dicts[i]))
            return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"scan", scan_bytes, METH_VARARGS, NULL},
                                {"is_utf8", is_utf8, METH_VARARGS, NULL},
                                {"set_names", set_names, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_markup", NULL, -1, methods,
                                        NULL,                  NULL,      NULL, NULL};

PyMODINIT_FUNC PyInit__markup(void) { return PyModule_Create(&definition); }
