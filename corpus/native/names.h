/* Names of a few dozen tags or attributes and what is to be done with them: a small hash table.
 *
 * A name is at most 16 bytes of ASCII, in lower case, packed into two numbers; a longer one, or one
 * that is not in the table, means nothing. */

#define NUM_SLOTS 1024
#define MAX_NAME 16

struct name {
    uint64_t first, last;
    size_t size;
};

struct names {
    struct {
        struct name name;
        uint32_t flags;
    } slots[NUM_SLOTS];
};

static inline int is_letter(uint8_t byte) { return (uint8_t)((byte | 0x20) - 'a') < 26; }

static inline int is_digit(uint8_t byte) { return (uint8_t)(byte - '0') < 10; }

static inline int is_space(uint8_t byte) {
    return byte == ' ' || (byte <= '\r' && byte >= '\t' && byte != '\v');
}

/* Adds a byte in lower case. */
static inline void extend(struct name *name, uint8_t byte) {
    uint64_t lower = (uint8_t)(byte - 'A') < 26 ? (uint8_t)(byte | 0x20) : byte;
    if (name->size < 8)
        name->first |= lower << 8 * name->size;
    else if (name->size < MAX_NAME)
        name->last |= lower << 8 * (name->size - 8);
    name->size++;
}

static inline size_t slot_of(const struct name *name) {
    return (name->first ^ name->last * 31) * UINT64_C(0x9E3779B97F4A7C15) >> 54;
}

static inline int is_same(const struct name *one, const struct name *other) {
    return one->first == other->first && one->last == other->last && one->size == other->size;
}

/* Returns what is known of a name, 0 if nothing. */
static inline uint32_t flags_of(const struct names *names, const struct name *name) {
    size_t slot = slot_of(name);
    for (; names->slots[slot].flags; slot = (slot + 1) % NUM_SLOTS)
        if (is_same(&names->slots[slot].name, name))
            return names->slots[slot].flags;
    return 0;
}

static inline struct name packed(const uint8_t *bytes, size_t size) {
    struct name name = {0};
    for (size_t i = 0; i < size; i++)
        extend(&name, bytes[i]);
    return name;
}

/* Fills a table from a dict of bytes to int. */
static int fill_names(struct names *names, PyObject *dict) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    if (PyDict_GET_SIZE(dict) > NUM_SLOTS / 2) {
        PyErr_SetString(PyExc_ValueError, "too many names");
        return 0;
    }
    memset(names, 0, sizeof *names);
    while (PyDict_Next(dict, &position, &key, &value)) {
        unsigned long flags = PyLong_AsUnsignedLong(value);
        if (PyErr_Occurred())
            return 0;
        if (!PyBytes_Check(key) || PyBytes_GET_SIZE(key) > MAX_NAME || !flags) {
            PyErr_SetString(PyExc_ValueError, "a name is at most 16 bytes, its flags not 0");
            return 0;
        }
        struct name name = packed((const uint8_t *)PyBytes_AS_STRING(key),
                                  (size_t)PyBytes_GET_SIZE(key));
        size_t slot = slot_of(&name);
        while (names->slots[slot].flags)
            slot = (slot + 1) % NUM_SLOTS;
        names->slots[slot].name = name;
        names->slots[slot].flags = (uint32_t)flags;
    }
    return 1;
}
