/* A large string column of Arrow as two buffers, checked before it is read. */

struct column {
    Py_buffer data, offsets;
    const uint8_t *bytes;
    const int64_t *starts;
    size_t num_texts;
};

static void close_column(struct column *column) {
    PyBuffer_Release(&column->data);
    PyBuffer_Release(&column->offsets);
}

/* Checks that the offsets of a large string column stay inside its data. */
static int check_column(struct column *column) {
    size_t num_offsets = (size_t)column->offsets.len / 8;
    column->bytes = column->data.buf;
    column->starts = column->offsets.buf;
    column->num_texts = num_offsets ? num_offsets - 1 : 0;
    int64_t last = 0;
    for (size_t i = 0; i < num_offsets; i++) {
        if (column->starts[i] < last || column->starts[i] > (int64_t)column->data.len) {
            PyErr_SetString(PyExc_ValueError, "offsets do not fit the data");
            return 0;
        }
        last = column->starts[i];
    }
    return 1;
}
