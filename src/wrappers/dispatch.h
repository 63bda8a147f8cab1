/* Picks, once for each module, the kernels for the widest vectors that the processor has. */
#ifndef FITCORE_DISPATCH_H
#define FITCORE_DISPATCH_H

#include <stdlib.h>
#include "fitcore_lbfgsb.h"
#include "fitcore_minpack.h"
#include "fitcore_normal.h"

#define FITCORE_DECLARE(v) \
    void fitcore_fold_rows_##v(int64_t, int64_t, int64_t, double *, double *, double *, double *); \
    void fitcore_lb_products_##v(int64_t, int64_t, int64_t, const int64_t *, const double *, \
                                 int64_t, const double *, double *); \
    void fitcore_lb_combine_##v(int64_t, int64_t, int64_t, const int64_t *, const double *, \
                                const double *, double *); \
    void fitcore_lb_look_##v(int64_t, const double *, const double *, const double *, \
                             const double *, double *, double *, double *, double *, double *, \
                             double *, double *, double *); \
    void fitcore_lb_land_##v(int64_t, double, double, const double *, const double *, \
                             const double *, const double *, const double *, double *, double *, \
                             double *, double *, double *); \
    void fitcore_normal_sums_##v(int64_t, int64_t, const int64_t *, double *, const double *, \
                                 int64_t, const double *, double *, double *, double *); \
    void fitcore_normal_gradient_##v(int64_t, int64_t, const int64_t *, const double *, \
                                     const double *, const double *, int64_t, const double *, \
                                     double *, double *, double *); \
    void fitcore_shape_eval_##v(int64_t, int64_t, int64_t, const double *, const double *, \
                                const double *, double *, int64_t, double *); \
    void fitcore_special_eval_##v(int64_t, int64_t, const double *, double, double *); \
    void fitcore_plan_eval_##v(int64_t, const int64_t *, int64_t, int64_t, const double *, int64_t, \
                               const double *, int64_t, double *, int64_t, double *, int *)
FITCORE_DECLARE(v1);
FITCORE_DECLARE(v3);
FITCORE_DECLARE(v4);

/* The x86-64 level (1, 3 or 4) whose kernels are used; 1 on other processors. The environment
   variable FITCORE_CPU=v1, v3 or v4 lowers it. */
static int fitcore_cpu_level(void)
{
    int level = 1;
    const char *wanted = getenv("FITCORE_CPU");
#if defined(FITCORE_X86_64_V3)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("bmi2"))
        level = 3;
#if defined(FITCORE_X86_64_V4)
    if (level == 3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512cd"))
        level = 4;
#endif
#endif
    if (wanted && wanted[0] == 'v' && wanted[1] >= '1' && wanted[1] - '0' < level)
        level = wanted[1] - '0' >= 3 ? 3 : 1;
    return level;
}

/* FITCORE_CHOOSE(fold_rows, level) is fitcore_fold_rows_v1 or its like for that level. */
#if defined(FITCORE_X86_64_V4)
#define FITCORE_CHOOSE(kernel, level) ((level) >= 4 ? fitcore_##kernel##_v4 \
    : (level) >= 3 ? fitcore_##kernel##_v3 : fitcore_##kernel##_v1)
#elif defined(FITCORE_X86_64_V3)
#define FITCORE_CHOOSE(kernel, level) ((level) >= 3 ? fitcore_##kernel##_v3 \
    : fitcore_##kernel##_v1)
#else
#define FITCORE_CHOOSE(kernel, level) ((void) (level), fitcore_##kernel##_v1)
#endif

#define fitcore_choose_fold_rows(level) FITCORE_CHOOSE(fold_rows, level)
#define fitcore_choose_normal_sums(level) FITCORE_CHOOSE(normal_sums, level)
#define fitcore_choose_normal_gradient(level) FITCORE_CHOOSE(normal_gradient, level)
#define fitcore_choose_shape_eval(level) FITCORE_CHOOSE(shape_eval, level)
#define fitcore_choose_special_eval(level) FITCORE_CHOOSE(special_eval, level)
#define fitcore_choose_plan_eval(level) FITCORE_CHOOSE(plan_eval, level)
#define fitcore_choose_lb_kernels(level) ((fitcore_lb_kernels) { \
    FITCORE_CHOOSE(lb_products, level), FITCORE_CHOOSE(lb_combine, level), \
    FITCORE_CHOOSE(lb_look, level), FITCORE_CHOOSE(lb_land, level)})

#endif
