# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Sums, products and quotients of line shapes as one native model with derivatives."""

from libc.stdint cimport int64_t, uintptr_t
from libc.stdlib cimport free, malloc

from fitcore._native_types cimport fitcore_model

ctypedef void (*shape_eval_t)(int64_t shape, int64_t form, int64_t m, const double *x,
                              const double *x2, const double *p, double *y, int64_t want,
                              double *dy) noexcept nogil

cdef extern from "dispatch.h" nogil:
    int fitcore_cpu_level()
    shape_eval_t fitcore_choose_shape_eval(int level)

cdef shape_eval_t shape_eval = fitcore_choose_shape_eval(fitcore_cpu_level())

__all__ = ["OPERATIONS", "ShapeProgram"]

cdef enum:
    SHAPE, ADD, SUBTRACT, MULTIPLY, DIVIDE
OPERATIONS = {"+": ADD, "-": SUBTRACT, "*": MULTIPLY, "/": DIVIDE}


cdef struct Token:
    # In postfix order: a shape, or what is done to the two results before.
    int64_t operation
    int64_t shape, form         # as in shape_types.f90
    int64_t first, size         # its parameters: their place, and how many
    int64_t row, row2           # of its coordinates


cdef struct Program:
    int64_t count, depth
    Token *tokens


cdef struct Result:
    # On the stack: the values, and the parameters they depend on.
    double *y
    int64_t first, last


cdef int run_program(int64_t m, int64_t nx, const double *x, int64_t n, const double *p,
                     double *y, double *dy, void *user_data) noexcept nogil:
    """The model, of type fitcore_model."""
    cdef Program *program = <Program *> user_data
    cdef Token *token
    cdef Result stack[64]
    cdef Result *left
    cdef Result *right
    cdef int64_t k, i, j, top = 0, want = dy != NULL
    cdef double *scratch = NULL
    cdef double *column
    cdef int64_t room = program.depth - (y != NULL)
    if room > 0:
        scratch = <double *> malloc(room * m * sizeof(double))
        if scratch == NULL:
            return -1
    for k in range(program.count):
        token = program.tokens + k
        if token.operation == SHAPE:
            stack[top].first, stack[top].last = token.first, token.first + token.size
            # The bottom of the stack is where the result goes.
            if y != NULL:
                stack[top].y = y if top == 0 else scratch + (top - 1) * m
            else:
                stack[top].y = scratch + top * m
            shape_eval(token.shape, token.form, m, x + token.row * m, x + token.row2 * m,
                       p + token.first, stack[top].y, want,
                       dy + token.first * m if want else NULL)
            top += 1
            continue
        top -= 1
        left, right = stack + top - 1, stack + top
        if want:
            for j in range(left.first, left.last):
                column = dy + j * m
                if token.operation == MULTIPLY:
                    for i in range(m):
                        column[i] *= right.y[i]
                elif token.operation == DIVIDE:
                    for i in range(m):
                        column[i] /= right.y[i]
            for j in range(right.first, right.last):
                column = dy + j * m
                if token.operation == SUBTRACT:
                    for i in range(m):
                        column[i] = -column[i]
                elif token.operation == MULTIPLY:
                    for i in range(m):
                        column[i] *= left.y[i]
                elif token.operation == DIVIDE:
                    for i in range(m):
                        column[i] *= -left.y[i] / (right.y[i] * right.y[i])
        if token.operation == ADD:
            for i in range(m):
                left.y[i] += right.y[i]
        elif token.operation == SUBTRACT:
            for i in range(m):
                left.y[i] -= right.y[i]
        elif token.operation == MULTIPLY:
            for i in range(m):
                left.y[i] *= right.y[i]
        else:
            for i in range(m):
                left.y[i] /= right.y[i]
        left.last = right.last
    free(scratch)
    return 0


cdef class ShapeProgram:
    """A model made of line shapes, for native fits: the pointers of a `fitcore_model`.

    Parameters
    ----------
    tokens : sequence of tuple
        In postfix order: (0, shape, form, size, row, row2) for a shape, with its number, the form,
        the number of parameters, and the rows of its coordinates; or (operation,). The parameters
        of the shapes follow each other.

    Attributes
    ----------
    address, user_address : int
        The function, and its `user_data`, which lives as long as this object.

    Raises
    ------
    ValueError
        If the tokens do not leave one result, or need a stack of more than 64.
    """

    cdef Program program

    def __cinit__(self, tokens):
        cdef int64_t k, top = 0, deepest = 0, first = 0
        cdef Token *token
        self.program.count = len(tokens)
        self.program.tokens = <Token *> malloc(max(1, len(tokens)) * sizeof(Token))
        if self.program.tokens == NULL:
            raise MemoryError
        for k in range(self.program.count):
            token = &self.program.tokens[k]
            given = tokens[k]
            token.operation = given[0]
            if token.operation == SHAPE:
                _, token.shape, token.form, token.size, token.row, token.row2 = given
                token.first = first
                first += token.size
                top += 1
                deepest = max(deepest, top)
            else:
                top -= 1
            if top < 1:
                break
        if top != 1 or deepest > 64:
            raise ValueError(f"tokens must leave one result with a stack of 64 at most: {tokens!r}")
        self.program.depth = deepest

    def __dealloc__(self):
        free(self.program.tokens)

    @property
    def address(self):
        """The function pointer as an integer."""
        cdef fitcore_model function = run_program
        return <uintptr_t> <void *> function

    @property
    def user_address(self):
        """The pointer that it gets as `user_data`, as an integer."""
        return <uintptr_t> &self.program
