/* The hybrid method from its present task to the end. */
#include "fitcore_drive.h"

#include <stddef.h>

static int call(fitcore_calls *c, int64_t n, const double *x, double *f, double *fjac)
{
    int ended = fitcore_calls_look(c);
    if (ended != FITCORE_DRIVE_DONE)
        return ended;
    c->code = c->residual(n, n, x, f, fjac, c->data);
    return c->code != 0 ? FITCORE_DRIVE_CODE : FITCORE_DRIVE_DONE;
}

static int linearize(hybrid_state *s, fitcore_hybrid_arrays *a, fitcore_calls *c)
{
    int64_t groups;
    int ended;
    s->factored = 0;
    if (s->jac == FITCORE_JAC_ANALYTIC)
        return call(c, s->n, a->x, NULL, a->q);
    groups = fitcore_column_groups(s->n, s->ml, s->mu);
    for (int64_t k = 1; k <= groups; k++) {
        fitcore_group_point(s->n, groups, k, s->epsfcn, a->x, a->xt);
        ended = call(c, s->n, a->xt, a->ft, NULL);
        if (ended != FITCORE_DRIVE_DONE)
            return ended;
        fitcore_group_columns(s->n, groups, k, s->ml, s->mu, s->epsfcn, a->x, a->ft, a->fvec,
                              a->q);
    }
    return FITCORE_DRIVE_DONE;
}

int fitcore_drive_hybrid(hybrid_state *s, fitcore_hybrid_arrays *a, fitcore_calls *c)
{
    double *spare;
    int ended;
    c->code = 0;
    while (s->task != FITCORE_TASK_DONE) {
        ended = FITCORE_DRIVE_DONE;
        if (s->task == FITCORE_TASK_RESIDUAL)
            ended = call(c, s->n, a->xt, a->ft, NULL);
        else if (s->task == FITCORE_TASK_JACOBIAN)
            ended = linearize(s, a, c);
        if (ended != FITCORE_DRIVE_DONE)
            return ended;
        fitcore_hybrid_step(s, a->x, a->fvec, a->q, a->r, a->diag, a->qtf, a->p, a->xt, a->ft,
                            a->wa);
        if (s->moved) {
            spare = a->fvec;
            a->fvec = a->ft;
            a->ft = spare;
        }
    }
    return FITCORE_DRIVE_DONE;
}
