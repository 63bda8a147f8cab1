/* Functions of fitcore.h's signatures that the tests of native callbacks compile. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* A decay and its data: user_data holds m times, then m values. */
int decay_residual(int64_t m, int64_t n, const double *p, double *f, double *fjac, void *user_data)
{
    const double *t = user_data, *y = t + m;
    (void) n;
    for (int64_t i = 0; i < m; i++) {
        double e = exp(-t[i] / p[1]);
        if (f)
            f[i] = p[0] * e - y[i];
        if (fjac) {
            fjac[i] = e;
            fjac[i + m] = p[0] * e * t[i] / (p[1] * p[1]);
        }
    }
    return 0;
}

/* The same as a model; NaN for times beyond the first number of user_data, if there is one. */
int decay_model(int64_t m, int64_t nx, const double *x, int64_t n, const double *p, double *y,
                double *dy, void *user_data)
{
    (void) n;
    for (int64_t i = 0; i < m; i++) {
        double t = x[i] + (nx > 1 ? x[i + m] : 0.0), e = exp(-t / p[1]);
        if (user_data && t > *(double *) user_data)
            e = NAN;
        if (y)
            y[i] = p[0] * e;
        if (dy) {
            dy[i] = e;
            dy[i + m] = p[0] * e * t / (p[1] * p[1]);
        }
    }
    return 0;
}

/* p[0] + p[1] t + p[2] t^2 of ten points, whose Jacobian takes all three parameters. */
int parabola(int64_t m, int64_t n, const double *p, double *f, double *fjac, void *user_data)
{
    (void) n;
    (void) user_data;
    for (int64_t i = 0; i < m; i++) {
        double t = 0.1 * (double) i;
        if (f)
            f[i] = p[0] + p[1] * t + p[2] * t * t - exp(t);
        if (fjac) {
            fjac[i] = 1;
            fjac[i + m] = t;
            fjac[i + 2 * m] = t * t;
        }
    }
    return 0;
}

int rosenbrock(int64_t n, const double *p, double *f, double *g, void *user_data)
{
    (void) user_data;
    *f = 0;
    for (int64_t i = 0; g && i < n; i++)
        g[i] = 0;
    for (int64_t i = 0; i + 1 < n; i++) {
        double a = p[i + 1] - p[i] * p[i], b = 1 - p[i];
        *f += 100 * (a * a) + b * b;
        if (g) {
            g[i] += -400 * p[i] * a - 2 * b;
            g[i + 1] += 200 * a;
        }
    }
    return 0;
}

/* A system with a solution near (6.5041, 0.9084). */
int two_equations(int64_t m, int64_t n, const double *p, double *f, double *fjac, void *user_data)
{
    (void) m;
    (void) n;
    (void) user_data;
    if (f) {
        f[0] = p[0] * cos(p[1]) - 4;
        f[1] = p[1] * p[0] - p[1] - 5;
    }
    if (fjac) {
        fjac[0] = cos(p[1]);
        fjac[1] = p[1];
        fjac[2] = -p[0] * sin(p[1]);
        fjac[3] = p[0] - 1;
    }
    return 0;
}

/* x - 3, which returns user_data[0] at its call number user_data[1]. */
int stopping(int64_t m, int64_t n, const double *p, double *f, double *fjac, void *user_data)
{
    int64_t *data = user_data;
    for (int64_t i = 0; f && i < m; i++)
        f[i] = p[i % n] * p[i % n] - 3;
    for (int64_t i = 0; fjac && i < m * n; i++)
        fjac[i] = i % m % n == i / m ? 2 * p[i / m] : 0;
    return --data[1] == 0 ? (int) data[0] : 0;
}

int stopping_objective(int64_t n, const double *p, double *f, double *g, void *user_data)
{
    int64_t *data = user_data;
    rosenbrock(n, p, f, g, NULL);
    return --data[1] == 0 ? (int) data[0] : 0;
}

static void wait_a_little(void)
{
    struct timespec time = {0, 2000000};
    nanosleep(&time, NULL);
}

/* The residuals of x - 3, from the moment on when user_data[1] others have arrived or the flag
   there is set; 99 if that takes more than half a minute. */
int meeting(int64_t m, int64_t n, const double *p, double *f, double *fjac, void *user_data)
{
    volatile int64_t *data = user_data;
    (void) fjac;
    __atomic_add_fetch(&data[0], 1, __ATOMIC_SEQ_CST);
    for (int i = 0; __atomic_load_n(&data[0], __ATOMIC_SEQ_CST) < data[1]; i++) {
        if (i > 15000)
            return 99;
        wait_a_little();
    }
    for (int64_t i = 0; f && i < m; i++)
        f[i] = p[i % n] - 3;
    return 0;
}

/* Noise, two milliseconds each; counts its calls in user_data[0]. */
int endless(int64_t m, int64_t n, const double *p, double *f, double *fjac, void *user_data)
{
    int64_t *data = user_data;
    uint64_t seed = (uint64_t) ++data[0];
    (void) fjac;
    wait_a_little();
    for (int64_t i = 0; f && i < m; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        f[i] = p[i % n] + (double) (seed >> 11) * 0x1p-53;
    }
    return 0;
}

int endless_objective(int64_t n, const double *p, double *f, double *g, void *user_data)
{
    (void) g;
    endless(1, 1, p, f, NULL, user_data);
    for (int64_t i = 0; i < n; i++)
        *f += p[i] * p[i];
    return 0;
}

/* A Gaussian of height p0, centre p1 and width p2 on an offset p3, with derivatives. */
int peak_model(int64_t m, int64_t nx, const double *x, int64_t n, const double *p, double *y,
               double *dy, void *user_data)
{
    (void) nx, (void) n, (void) user_data;
    for (int64_t i = 0; i < m; i++) {
        double t = (x[i] - p[1]) / p[2], e = exp(-0.5 * t * t);
        if (y)
            y[i] = p[0] * e + p[3];
        if (dy) {
            dy[i] = e;
            dy[i + m] = p[0] * e * t / p[2];
            dy[i + 2 * m] = p[0] * e * t * t / p[2];
            dy[i + 3 * m] = 1;
        }
    }
    return 0;
}

/* Two decays, p0 exp(-p1 x) + p2 exp(-p3 x), with derivatives. */
int decays_model(int64_t m, int64_t nx, const double *x, int64_t n, const double *p,
                 double *y, double *dy, void *user_data)
{
    (void) nx, (void) n, (void) user_data;
    for (int64_t i = 0; i < m; i++) {
        double e = exp(-p[1] * x[i]), f = exp(-p[3] * x[i]);
        if (y)
            y[i] = p[0] * e + p[2] * f;
        if (dy) {
            dy[i] = e;
            dy[i + m] = -p[0] * x[i] * e;
            dy[i + 2 * m] = f;
            dy[i + 3 * m] = -p[2] * x[i] * f;
        }
    }
    return 0;
}

/* A plane p0 x0 + p1 x1 + p2 in two coordinates, with derivatives; it stops for p2 > 1000. */
int plane_model(int64_t m, int64_t nx, const double *x, int64_t n, const double *p,
                       double *y, double *dy, void *user_data)
{
    (void) nx, (void) n, (void) user_data;
    if (p[2] > 1000)
        return 7;
    for (int64_t i = 0; i < m; i++) {
        if (y)
            y[i] = p[0] * x[i] + p[1] * x[i + m] + p[2];
        if (dy) {
            dy[i] = x[i];
            dy[i + m] = x[i + m];
            dy[i + 2 * m] = 1;
        }
    }
    return 0;
}
