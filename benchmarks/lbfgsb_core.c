/* Drives fitcore's core and the original L-BFGS-B 3.0 in turn, iteration by iteration, from C.
 *
 * Only the calls of the solvers are timed. Both minimize the same function from the same start with
 * arrays made in the same way. lbfgsb.py compiles this file and hands it the routines.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "fitcore_lbfgsb.h"

typedef void (*setulb_t)(int *, int *, double *, double *, double *, int *, double *, double *,
                         double *, double *, double *, int *, char *, int *, char *, int *, int *,
                         double *, size_t, size_t);
typedef void (*step_t)(lbfgsb_state *, double *, const double *, const double *, double, double *,
                       double *, int64_t *, signed char *, const fitcore_lb_kernels *);
typedef void (*init_t)(lbfgsb_state *, int64_t, int64_t, int, double, double, int);
typedef int64_t (*size2_t)(int64_t, int64_t);

enum { M = 10, ROSENBROCK = 0, QUADRATIC = 1, BOUNDED_ROSENBROCK = 2 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Cleared memory in large pages, as numpy asks for them. */
static void *memory(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#ifdef MADV_HUGEPAGE
    if (p != MAP_FAILED && bytes >= 1 << 22)
        madvise(p, bytes, MADV_HUGEPAGE);
#endif
    return p == MAP_FAILED ? NULL : p;
}

/* The chained function of the sample driver of Algorithm 778, or a diagonal quadratic. */
static double objective(int which, int64_t n, const double *curvature, const double *centre,
                        const double *x, double *g)
{
    double f = 0;
    if (which == QUADRATIC) {
        for (int64_t i = 0; i < n; i++) {
            double d = x[i] - centre[i];
            g[i] = curvature[i] * d;
            f += 0.5 * g[i] * d;
        }
        return f;
    }
    f = 0.25 * (x[0] - 1) * (x[0] - 1);
    g[0] = 2 * (x[0] - 1);
    for (int64_t i = 1; i < n; i++) {
        double r = x[i] - x[i - 1] * x[i - 1];
        f += r * r;
        g[i] = 8 * r;
        g[i - 1] -= 16 * r * x[i - 1];
    }
    return 4 * f;
}

/* Seconds that it takes to read 2 m n doubles twice, in four streams: what two passes over S and Y
   cost at the least. */
static double two_reads(const double *a, int64_t size, volatile double *sum)
{
    const int64_t quarter = size / 4;
    const double *b = a + quarter, *c = b + quarter, *d = c + quarter;
    double begin = now(), s[8] = {0};
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i + 1 < quarter; i += 2) {
            s[0] += a[i], s[1] += b[i], s[2] += c[i], s[3] += d[i];
            s[4] += a[i + 1], s[5] += b[i + 1], s[6] += c[i + 1], s[7] += d[i + 1];
        }
    *sum = s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
    return now() - begin;
}

/* Seconds of each of `count` iterations after the memory is full. x0, lower, upper: n each; bounds
   may be NULL. Returns 0, or 1 when a solver has ended before. */
int compare(int which, int64_t n, const double *x0, const double *lower, const double *upper,
            const double *curvature, const double *centre, int count, double *ours,
            double *theirs, double *reads, init_t init, step_t step, size2_t work_size,
            const fitcore_lb_kernels *kernels, setulb_t setulb)
{
    const int bounded = lower != NULL, warm = M + 2;
    const size_t bytes = n * sizeof(double);
    double *x1 = memory(bytes), *g1 = memory(bytes), *x2 = memory(bytes), *g2 = memory(bytes);
    double *low = memory(bytes), *high = memory(bytes);
    int *nbd = memory(n * sizeof(int)), *iwb = memory(3 * n * sizeof(int));
    size_t size1 = work_size(n, M) * sizeof(double);
    size_t size2 = ((2 * M + 5) * n + 11 * M * M + 8 * M) * sizeof(double);
    double *wa = memory(size1), *wb = memory(size2), *other = memory(2 * M * bytes);
    double zero = 0, f1 = 0, f2 = 0, dsave[29];
    int64_t iwa[2 * M];
    signed char *marks = memory(n);
    int lsave[4], isave[44], silent = -1, n32 = (int) n, m32 = M, failed = 0;
    char task[60], csave[60];
    lbfgsb_state s;

    memset(other, 1, 2 * M * bytes); /* nobody shall find his data in the cache */
    memcpy(x1, x0, bytes);
    memcpy(x2, x0, bytes);
    if (bounded) {
        memcpy(low, lower, bytes);
        memcpy(high, upper, bytes);
    }
    for (int64_t i = 0; i < n; i++)
        nbd[i] = bounded ? 2 : 0;
    memset(task, ' ', sizeof task);
    memcpy(task, "START", 5);
    init(&s, n, M, bounded, 0, 0, 20);
    for (int k = 0; k < warm + count && !failed; k++) {
        const int64_t nit = s.nit;
        double spent = 0, begin;
        while (s.nit == nit && !failed) {
            begin = now();
            step(&s, x1, low, high, f1, g1, wa, iwa, marks, kernels);
            spent += now() - begin;
            if (s.task == FITCORE_LB_EVALUATE)
                f1 = objective(which, n, curvature, centre, x1, g1);
            failed = s.task == FITCORE_LB_DONE;
        }
        if (k >= warm)
            ours[k - warm] = spent;
        spent = 0;
        do {
            begin = now();
            setulb(&n32, &m32, x2, low, high, nbd, &f2, g2, &zero, &zero, wb, iwb, task, &silent,
                   csave, lsave, isave, dsave, sizeof task, sizeof csave);
            spent += now() - begin;
            if (task[0] == 'F')
                f2 = objective(which, n, curvature, centre, x2, g2);
            failed |= task[0] != 'F' && task[0] != 'N';
        } while (task[0] != 'N' && !failed);
        if (k >= warm)
            theirs[k - warm] = spent;
        if (k >= warm) {
            volatile double sum;
            reads[k - warm] = two_reads(other, 2 * M * n, &sum);
        }
    }
    void *all[] = {x1, g1, x2, g2, low, high, wa, wb, nbd, iwb, marks, other};
    size_t sizes[] = {bytes, bytes, bytes, bytes, bytes, bytes, size1, size2, n * sizeof(int),
                      3 * n * sizeof(int), n, 2 * M * bytes};
    for (int i = 0; i < 12; i++)
        munmap(all[i], sizes[i]);
    return failed;
}
