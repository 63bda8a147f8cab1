!> Powell's hybrid method by reverse communication: MINPACK-1's hybrd and hybrj in one.
!>
!> Powell (1970), with the constants and tests of MINPACK-1 (Moré, Garbow, Hillstrom 1980,
!> ANL-80-74, routines HYBRD and HYBRJ). The Jacobian is formed at the start and after two failures
!> in a row; between, Broyden's rank-one formula keeps its factors up to date. The caller owns every
!> array; between two calls it does what state%task asks and calls again.
module fitcore_hybrid_driver
  use fitcore_kinds, only: wp, ip, ic, eps
  use fitcore_ordered, only: dot_in_order, norm_in_order, products
  use fitcore_lm_types, only: task_start, task_residual, task_jacobian, task_iteration, task_done, &
    jac_analytic, jac_forward
  use fitcore_hybrid_types
  use fitcore_square_qr, only: qr_square, row_start
  use fitcore_dogleg, only: dogleg
  use fitcore_rank_one, only: update_triangle, apply_rotations
  use fitcore_banded_differences, only: column_groups
  implicit none (type, external)
  private
  public :: hybrid_init, hybrid_step, hybrid_stop, hybrid_work_size

contains

  !> Set up a system of n equations. state%info is 0 and the task done when an argument is improper.
  pure subroutine hybrid_init(state, n, mode, jac, xtol, maxfev, ml, mu, epsfcn, factor, diag) &
      bind(c, name='fitcore_hybrid_init')
    type(hybrid_state), intent(out) :: state
    integer(ip), intent(in), value :: n, maxfev, ml, mu
    integer(ic), intent(in), value :: mode, jac
    real(wp), intent(in), value :: xtol, epsfcn, factor
    real(wp), intent(in) :: diag(*)                !< scale factors, read when mode is 2
    logical :: proper

    state = hybrid_state(n=n, maxfev=maxfev, ml=ml, mu=mu, nfev=0, njev=0, nit=0, successes=0, &
      failures=0, slow_iterations=0, slow_jacobians=0, xtol=xtol, epsfcn=epsfcn, factor=factor, &
      fnorm=0, xnorm=0, delta=0, pnorm=0, actred=0, prered=0, ratio=0, task=task_start, &
      stage=task_start, info=info_improper, mode=mode, jac=jac, jeval=0, moved=0, factored=0)
    proper = n > 0 .and. xtol >= 0 .and. maxfev > 0 .and. ml >= 0 .and. mu >= 0 .and. factor > 0 &
      .and. (mode == 1 .or. mode == 2) .and. (jac == jac_analytic .or. jac == jac_forward)
    if (proper .and. mode == 2) proper = all(diag(1:n) > 0)
    if (.not. proper) state%task = task_done
  end subroutine hybrid_init

  !> Doubles of scratch that hybrid_step wants in wa.
  pure integer(ip) function hybrid_work_size(n) bind(c, name='fitcore_hybrid_work_size')
    integer(ip), intent(in), value :: n
    hybrid_work_size = 4 * n
  end function hybrid_work_size

  !> Stop now, with an outcome of the caller's (negative, by custom).
  pure subroutine hybrid_stop(state, info) bind(c, name='fitcore_hybrid_stop')
    type(hybrid_state), intent(inout) :: state
    integer(ic), intent(in), value :: info
    state%info = info
    state%task = task_done
  end subroutine hybrid_stop

  !> Go on to the next thing that the caller must do; see task_* in fitcore_lm_types.
  !>
  !> After task_done: x the solution, fvec the functions there, and of the last approximate Jacobian
  !> Q in q, R in r and Q^T fvec in qtf.
  pure subroutine hybrid_step(state, x, fvec, q, r, diag, qtf, p, xt, ft, wa) &
      bind(c, name='fitcore_hybrid_step')
    type(hybrid_state), intent(inout) :: state
    real(wp), intent(inout) :: x(state%n)              !< the best point
    real(wp), intent(in) :: fvec(state%n)              !< the functions there; see state%moved
    real(wp), intent(inout) :: q(state%n, state%n)     !< Jacobian; Q
    real(wp), intent(inout) :: r(state%n * (state%n + 1) / 2)  !< R, packed by rows
    real(wp), intent(inout) :: diag(state%n)           !< scale of the variables
    real(wp), intent(inout) :: qtf(state%n)            !< Q^T fvec
    real(wp), intent(inout) :: p(state%n)              !< the step, from x to xt
    real(wp), intent(inout) :: xt(state%n)             !< the point to evaluate
    real(wp), intent(in) :: ft(state%n)                !< the functions there
    real(wp), intent(inout) :: wa(hybrid_work_size(state%n))

    state%moved = 0
    if (state%task == task_done) return
    select case (state%stage)
    case (task_start)
      xt = x
      call ask(state, task_residual)

    case (task_residual)
      state%nfev = state%nfev + 1
      if (state%nfev == 1) then
        x = xt
        state%moved = 1
        state%fnorm = norm_in_order(state%n, ft)
        if (state%fnorm <= huge(state%fnorm)) then
          call ask(state, task_jacobian)
        else
          call hybrid_stop(state, info_nonfinite)
        end if
      else
        call judge_trial(state, x, q, r, diag, qtf, p, xt, ft, wa)
      end if

    case (task_iteration)
      call go_on(state, x, r, diag, qtf, p, xt, wa)

    case (task_jacobian)
      state%njev = state%njev + 1
      if (state%jac == jac_forward) &
        state%nfev = state%nfev + column_groups(state%n, state%ml, state%mu)
      call take_jacobian(state, x, fvec, q, r, diag, qtf, p, xt, wa)
    end select
  end subroutine hybrid_step

  !> Hand a task to the caller.
  pure subroutine ask(state, task)
    type(hybrid_state), intent(inout) :: state
    integer(ic), intent(in) :: task
    state%stage = task
    state%task = task
  end subroutine ask

  !> Factor a new Jacobian and propose a step.
  pure subroutine take_jacobian(state, x, fvec, q, r, diag, qtf, p, xt, wa)
    type(hybrid_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%n), fvec(state%n)
    real(wp), intent(inout) :: q(state%n, state%n), r(state%n * (state%n + 1) / 2), diag(state%n)
    real(wp), intent(out) :: qtf(state%n)
    real(wp), intent(inout) :: p(state%n), xt(state%n), wa(4 * state%n)
    integer(ip) :: n, j

    n = state%n
    associate (acnorm => wa(1:n))
      qtf = fvec
      call qr_square(n, q, r, acnorm, qtf, wa(n + 1:3 * n))
      state%factored = 1
      state%jeval = 1
      if (.not. all(acnorm <= huge(1.0_wp))) then
        call hybrid_stop(state, info_nonfinite)
        return
      end if

      if (state%nit == 0) then
        if (state%mode == 1) then
          do j = 1, n
            diag(j) = acnorm(j)
            if (.not. diag(j) > 0) diag(j) = 1
          end do
        end if
        xt = diag * x
        state%xnorm = norm_in_order(n, xt)
        state%delta = state%factor * state%xnorm
        if (.not. abs(state%delta) > 0) state%delta = state%factor
      end if
      if (state%mode == 1) diag = max(diag, acnorm)
    end associate
    call propose(state, x, r, diag, qtf, p, xt, wa)
  end subroutine take_jacobian

  !> The next trial, or after two failures in a row a new Jacobian.
  pure subroutine go_on(state, x, r, diag, qtf, p, xt, wa)
    type(hybrid_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%n), r(state%n * (state%n + 1) / 2), diag(state%n), qtf(state%n)
    real(wp), intent(inout) :: p(state%n), xt(state%n), wa(4 * state%n)

    if (state%failures == 2) then
      call ask(state, task_jacobian)
    else
      call propose(state, x, r, diag, qtf, p, xt, wa)
    end if
  end subroutine go_on

  !> The step p of the present delta and the trial point x + p.
  pure subroutine propose(state, x, r, diag, qtf, p, xt, wa)
    type(hybrid_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%n), r(state%n * (state%n + 1) / 2), diag(state%n), qtf(state%n)
    real(wp), intent(out) :: p(state%n), xt(state%n)
    real(wp), intent(inout) :: wa(4 * state%n)
    integer(ip) :: n

    n = state%n
    call dogleg(n, r, diag, qtf, state%delta, p, wa(1:n), wa(n + 1:2 * n))
    p = -p
    xt = x + p
    wa(1:n) = diag * p
    state%pnorm = norm_in_order(n, wa(1:n))
    if (state%pnorm <= huge(state%pnorm)) then
      if (state%nit == 0) state%delta = min(state%delta, state%pnorm)
      call ask(state, task_residual)
    else if (state%jeval == 0) then
      call ask(state, task_jacobian)               ! the updates have led the factors astray
    else
      call hybrid_stop(state, info_nonfinite)
    end if
  end subroutine propose

  !> Compare the trial with the prediction, move or shrink, test for the end, and let the factors
  !> learn from it.
  pure subroutine judge_trial(state, x, q, r, diag, qtf, p, xt, ft, wa)
    type(hybrid_state), intent(inout) :: state
    real(wp), intent(inout) :: x(state%n), q(state%n, state%n), r(state%n * (state%n + 1) / 2)
    real(wp), intent(in) :: diag(state%n), ft(state%n)
    real(wp), intent(inout) :: qtf(state%n), p(state%n), xt(state%n), wa(4 * state%n)
    real(wp) :: fnorm_trial, predicted
    logical :: accepted
    integer(ip) :: n, i, l

    n = state%n
    fnorm_trial = norm_in_order(n, ft)
    if (.not. fnorm_trial <= huge(fnorm_trial)) then
      call retreat(state, x, r, diag, qtf, p, xt, wa)
      return
    end if

    associate (model => wa(1:n))
      do i = 1, n
        l = row_start(n, i)
        model(i) = qtf(i) + dot_in_order(n - i + 1, r(l:l + n - i), p(i:n))   ! Q^T (f + J p)
      end do
      predicted = norm_in_order(n, model)
    end associate
    state%actred = -1
    if (fnorm_trial < state%fnorm) state%actred = 1 - (fnorm_trial / state%fnorm)**2
    state%prered = 0
    if (predicted < state%fnorm) state%prered = 1 - (predicted / state%fnorm)**2
    state%ratio = 0
    if (state%prered > 0) state%ratio = state%actred / state%prered

    call adapt_bound(state)
    accepted = state%ratio >= 1.0e-4_wp
    if (accepted) then
      x = xt
      state%moved = 1
      wa(n + 1:2 * n) = diag * x
      state%xnorm = norm_in_order(n, wa(n + 1:2 * n))
      state%fnorm = fnorm_trial
      state%nit = state%nit + 1
    end if
    call test_end(state)
    if (state%task == task_done) return

    if (state%failures /= 2) then
      call update(n, q, r, diag, qtf, p, state%pnorm, ft, accepted, wa)
      state%jeval = 0
    end if
    if (accepted) then
      call ask(state, task_iteration)
    else
      call go_on(state, x, r, diag, qtf, p, xt, wa)
    end if
  end subroutine judge_trial

  !> After a trial whose functions are no numbers, of which the factors can learn nothing: a shorter
  !> step. Where the way there is as short as xtol it has not converged.
  pure subroutine retreat(state, x, r, diag, qtf, p, xt, wa)
    type(hybrid_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%n), r(state%n * (state%n + 1) / 2), diag(state%n), qtf(state%n)
    real(wp), intent(inout) :: p(state%n), xt(state%n), wa(4 * state%n)

    state%actred = -1
    state%ratio = 0
    state%successes = 0
    state%delta = 0.5_wp * min(state%delta, state%pnorm)
    if (state%delta <= max(state%xtol, eps) * state%xnorm .or. .not. state%delta > 0) then
      call hybrid_stop(state, info_nonfinite)
    else if (state%nfev >= state%maxfev) then
      call hybrid_stop(state, info_maxfev)
    else
      call propose(state, x, r, diag, qtf, p, xt, wa)
    end if
  end subroutine retreat

  !> The step bound, from the ratio of the actual reduction to the predicted one.
  pure subroutine adapt_bound(state)
    type(hybrid_state), intent(inout) :: state

    if (state%ratio < 0.1_wp) then
      state%successes = 0
      state%failures = state%failures + 1
      state%delta = 0.5_wp * state%delta
    else
      state%failures = 0
      state%successes = state%successes + 1
      if (state%ratio >= 0.5_wp .or. state%successes > 1) &
        state%delta = max(state%delta, state%pnorm / 0.5_wp)
      if (abs(state%ratio - 1) <= 0.1_wp) state%delta = state%pnorm / 0.5_wp
    end if
  end subroutine adapt_bound

  !> MINPACK's tests for convergence, then for the limits of evaluations, precision and patience.
  pure subroutine test_end(state)
    type(hybrid_state), intent(inout) :: state
    integer(ic) :: info

    state%slow_iterations = state%slow_iterations + 1
    if (state%actred >= 0.001_wp) state%slow_iterations = 0
    if (state%jeval == 1) state%slow_jacobians = state%slow_jacobians + 1
    if (state%actred >= 0.1_wp) state%slow_jacobians = 0

    info = 0
    if (state%delta <= state%xtol * state%xnorm .or. .not. state%fnorm > 0) then
      info = info_converged
    else
      if (state%nfev >= state%maxfev) info = info_maxfev
      if (0.1_wp * max(0.1_wp * state%delta, state%pnorm) <= eps * state%xnorm) &
        info = info_xtol_small
      if (state%slow_jacobians == 5) info = info_slow_jacobians
      if (state%slow_iterations == 10) info = info_slow_iterations
    end if
    if (info /= 0) call hybrid_stop(state, info)
  end subroutine test_end

  !> Broyden's update of the factors, in scaled variables: the J nearest to the old one that gives
  !> the change of the functions over the step. Also Q^T f at the new point, if it was accepted.
  pure subroutine update(n, q, r, diag, qtf, p, pnorm, ft, accepted, wa)
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: q(n, n), r(n * (n + 1) / 2), qtf(n)
    real(wp), intent(in) :: diag(n), p(n), pnorm, ft(n)
    logical, intent(in) :: accepted
    real(wp), intent(inout) :: wa(4 * n)           !< Q^T (f + J p) in its first n elements
    real(wp) :: qtft
    integer(ip) :: j

    if (.not. pnorm > 0) return
    associate (v => wa(1:n), u => wa(n + 1:2 * n), w => wa(2 * n + 1:3 * n), &
        products_with_q => wa(3 * n + 1:4 * n))
      call products(n, n, q, n, ft, products_with_q)
      do j = 1, n
        qtft = products_with_q(j)
        v(j) = (qtft - v(j)) / pnorm
        u(j) = diag(j) * ((diag(j) * p(j)) / pnorm)
        if (accepted) qtf(j) = qtft
      end do
      call update_triangle(n, r, u, v, w)
      call apply_rotations(n, n, q, v, w)
      call apply_rotations(1_ip, n, qtf, v, w)
    end associate
  end subroutine update

end module fitcore_hybrid_driver
