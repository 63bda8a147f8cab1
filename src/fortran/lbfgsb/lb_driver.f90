!> L-BFGS-B 3.0 by reverse communication.
!>
!> Byrd, Lu, Nocedal, Zhu (1995), SIAM J. Sci. Comput. 16(5); Zhu, Byrd, Lu, Nocedal (1997),
!> Algorithm 778, ACM TOMS 23(4); Morales, Nocedal (2011), ACM TOMS 38(1). The caller owns every
!> array; between two calls it does what state%task asks and calls again.
module fitcore_lb_driver
  use fitcore_kinds, only: wp, ip, ic, eps
  use fitcore_vectors, only: dot
  use fitcore_lb_types
  use fitcore_bounds
  use fitcore_lb_compact, only: ring, make_room, factor_middle, middle_product
  use fitcore_lb_cauchy, only: cauchy_path, cauchy_search
  use fitcore_lb_passes, only: store_and_multiply, direction_pass, bounded_pass
  use fitcore_lb_subspace, only: sort_free, form_k, solve_k, reduced_products, shorten
  use fitcore_line_search
  implicit none (type, external)
  private

  ! Conditions of the line search, and the longest step without bounds.
  ! A projected direction whose slope is below this part of what it could be is not downhill: in
  ! the original rounding decides then, and a slope of -1e-17 ends the run.
  real(wp), parameter :: orthogonal = 1.0e-8_wp
  real(wp), parameter :: ls_ftol = 1.0e-3_wp, ls_gtol = 0.9_wp, ls_xtol = 0.1_wp, big = 1.0e10_wp

contains

  !> Doubles of wa.
  pure integer(ip) function work_size(n, m) bind(c, name='fitcore_lb_work_size')
    integer(ip), intent(in), value :: n, m
    work_size = 2 * m * n + 5 * n + 11 * m * m + 14 * m
  end function work_size

  !> 64-bit integers of iwa.
  pure integer(ip) function iwork_size(n) bind(c, name='fitcore_lb_iwork_size')
    integer(ip), intent(in), value :: n
    iwork_size = 3 * n
  end function iwork_size

  !> Set up a minimization over n variables with at most m corrections.
  pure subroutine lb_init(s, n, m, factr, pgtol, maxls) bind(c, name='fitcore_lb_init')
    type(lb_state), intent(out) :: s
    integer(ip), intent(in), value :: n, m
    real(wp), intent(in), value :: factr, pgtol
    integer(ic), intent(in), value :: maxls

    s = lb_state(n=n, m=m, nit=0, nfev=0, col=0, head=1, updates=0, nfree=n, nactive=0, nseg=0, &
      nseg_total=0, nskip=0, nenter=0, nleave=0, nls=0, factr=factr, pgtol=pgtol, unused=0, f=0, &
      fold=0, sbgnrm=0, theta=1, stp=0, dnorm=0, xstep=0, gd=0, gdold=0, stpmx=0, ls=0, &
      maxls=maxls, task=lb_start, info=0, stage=lb_start, constrained=0, boxed=0, projected=0, &
      updated=0, ls_flags=0, iword=-1, restarted=0)
  end subroutine lb_init

  !> End it here, for a reason of the caller's.
  pure subroutine lb_stop(s) bind(c, name='fitcore_lb_stop')
    type(lb_state), intent(inout) :: s
    call finish(s, lb_stopped)
  end subroutine lb_stop

  pure subroutine finish(s, info)
    type(lb_state), intent(inout) :: s
    integer(ic), intent(in) :: info
    s%info = info
    s%task = lb_done
  end subroutine finish

  !> Go on to the next thing that the caller must do.
  !>
  !> f and g are those at x. When a line search fails, x, g and s%f are set back to the iterate.
  pure subroutine lb_step(s, x, l, u, nbd, f, g, wa, iwa) bind(c, name='fitcore_lb_step')
    type(lb_state), intent(inout) :: s
    real(wp), intent(inout) :: x(s%n)
    real(wp), intent(in) :: l(s%n), u(s%n)
    integer(kb), intent(in) :: nbd(s%n)
    real(wp), intent(in), value :: f
    real(wp), intent(inout) :: g(s%n)
    real(wp), intent(inout) :: wa(work_size(s%n, s%m))
    integer(ip), intent(inout) :: iwa(iwork_size(s%n))
    integer(ip) :: n, m, ws, wy, z, r, d, t, xp, sy, ss, wt, wn, snd, small, where_, index_, change

    n = s%n
    m = s%m
    ws = 1
    wy = ws + n * m
    z = wy + n * m
    r = z + n
    d = r + n
    t = d + n
    xp = t + n
    sy = xp + n
    ss = sy + m * m
    wt = ss + m * m
    wn = wt + m * m
    snd = wn + 4 * m * m
    small = snd + 4 * m * m
    index_ = 1
    where_ = n + 1
    change = 2 * n + 1
    if (s%task == lb_done) return
    call advance(s, n, m, x, l, u, nbd, f, g, wa(ws), wa(wy), wa(z), wa(r), wa(d), wa(t), wa(xp), &
      wa(sy), wa(ss), wa(wt), wa(wn), wa(snd), wa(small), iwa(index_), iwa(where_), iwa(change))
  end subroutine lb_step

  !> lb_step with its workspace taken apart.
  pure subroutine advance(s, n, m, x, l, u, nbd, f, g, ws, wy, z, r, d, t, xp, sy, ss, wt, wn, snd, &
      small, index, iwhere, change)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m
    real(wp), intent(inout) :: x(n), g(n)
    real(wp), intent(in) :: l(n), u(n), f
    integer(kb), intent(in) :: nbd(n)
    real(wp), intent(inout) :: ws(n, m), wy(n, m)    !< the corrections S and Y
    real(wp), intent(inout) :: z(n)                  !< Cauchy point, then the subspace minimizer
    real(wp), intent(inout) :: r(n)                  !< gradient at the iterate, reduced gradient, y
    real(wp), intent(inout) :: d(n)                  !< search direction, s
    real(wp), intent(inout) :: t(n)                  !< the iterate, while x is a trial
    real(wp), intent(inout) :: xp(n)                 !< scratch
    real(wp), intent(inout) :: sy(m, m), ss(m, m), wt(m, m), wn(2 * m, 2 * m), snd(2 * m, 2 * m)
    real(wp), intent(inout) :: small(14 * m)
    integer(ip), intent(inout) :: index(n), iwhere(n), change(n)
    real(wp) :: dtd
    logical :: again, pending

    s%restarted = 0
    pending = .false.
    select case (s%stage)
    case (lb_start)
      call project_start(n, x, l, u, nbd, iwhere, s%projected, s%constrained, s%boxed)
      call ask(s, lb_evaluate)
      return

    case (lb_evaluate)
      s%nfev = s%nfev + 1
      if (s%nfev == 1) then
        s%f = f
        s%sbgnrm = projected_gradient(n, x, l, u, nbd, g)
        s%nactive = count_active(n, x, l, u, nbd)
        if (.not. (abs(f) <= huge(f) .and. s%sbgnrm <= huge(f))) then
          call finish(s, lb_nonfinite)
          return
        end if
        if (s%sbgnrm <= s%pgtol) then
          call finish(s, lb_converged_pgtol)
          return
        end if
      else
        call judge_trial(s, n, x, l, u, nbd, f, g, z, r, d, t, again)
        if (.not. again) return
      end if

    case (lb_new_x)
      if (s%sbgnrm <= s%pgtol) then
        call finish(s, lb_converged_pgtol)
        return
      end if
      if (s%fold - s%f <= eps * s%factr * max(abs(s%fold), abs(s%f), 1.0_wp)) then
        call finish(s, lb_converged_ftol)
        return
      end if
      call judge_correction(s, pending)
    end select

    ! a direction and the first trial along it; once more with an empty memory if that fails
    do
      if (s%constrained == 0 .and. (s%col > 0 .or. pending)) then
        call unconstrained_direction(s, n, m, x, g, ws, wy, z, r, d, sy, ss, wt, wn, snd, &
          small(1:2 * m), small(8 * m + 1), small(11 * m + 1), index, change, pending, dtd, again)
      else
        call bounded_direction(s, n, m, x, l, u, nbd, g, ws, wy, z, r, d, t, xp, sy, ss, wt, wn, &
          snd, small, small(8 * m + 1), small(11 * m + 1), index, iwhere, change, pending, dtd, again)
      end if
      pending = .false.
      if (again) cycle
      call begin_search(s, n, x, l, u, nbd, g, z, r, d, t, dtd, again)
      if (.not. again) return
      if (s%task == lb_done) return
    end do
  end subroutine advance

  !> Hand a task to the caller.
  pure subroutine ask(s, task)
    type(lb_state), intent(inout) :: s
    integer(ic), intent(in) :: task
    s%stage = task
    s%task = task
  end subroutine ask

  !> Forget all corrections.
  pure subroutine empty_memory(s)
    type(lb_state), intent(inout) :: s
    s%col = 0
    s%head = 1
    s%theta = 1
    s%updates = 0
    s%updated = 0
    s%restarted = 1
  end subroutine empty_memory

  !> Store the step d and the change of the gradient as a correction, with their products by the
  !> older ones and by v; `failed` when the memory had to be emptied.
  pure subroutine store(s, n, m, g, v, ws, wy, r, d, sy, ss, wt, ps, py, failed)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m
    real(wp), intent(in) :: g(n), v(n)
    real(wp), intent(inout) :: ws(n, m), wy(n, m), r(n), d(n), sy(m, m), ss(m, m), wt(m, m)
    real(wp), intent(out) :: ps(3, m), py(3, m)
    logical, intent(out) :: failed
    integer(ip) :: tail, col, bad
    real(wp) :: dr

    dr = (s%gd - s%gdold) * s%stp
    call make_room(m, sy, ss, s%col, s%head, s%updates, tail)
    col = s%col
    call store_and_multiply(n, m, ws, wy, col, s%head, tail, s%stp, g, d, r, v, ps(:, 1:col), &
      py(:, 1:col))
    s%theta = py(2, col) / dr
    ss(1:col, col) = ps(1, 1:col)
    sy(col, 1:col) = py(1, 1:col)
    ss(col, col) = s%stp * s%stp * s%dnorm**2
    sy(col, col) = dr
    call factor_middle(m, col, sy, ss, s%theta, wt, bad)
    failed = bad /= 0
    if (failed) call empty_memory(s)
  end subroutine store

  !> d without bounds: the minimizer of the model over all variables, with s%gd = g^T d and |d|^2.
  !> `again` when a factorization failed and the memory was emptied.
  pure subroutine unconstrained_direction(s, n, m, x, g, ws, wy, z, r, d, sy, ss, wt, wn, snd, wv, &
      ps, py, index, change, pending, dtd, again)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m
    real(wp), intent(in) :: x(n), g(n)
    real(wp), intent(inout) :: ws(n, m), wy(n, m), z(n), r(n), d(n), sy(m, m), ss(m, m), wt(m, m)
    real(wp), intent(inout) :: wn(2 * m, 2 * m), snd(2 * m, 2 * m)
    real(wp), intent(inout) :: wv(2 * m), ps(3, m), py(3, m)  !< scratch
    integer(ip), intent(in) :: index(n), change(n)
    logical, intent(in) :: pending                 !< there is a correction to store
    real(wp), intent(out) :: dtd
    logical, intent(out) :: again
    integer(ip) :: bad, j, p

    dtd = 0
    s%nseg = 0
    if (pending) then
      call store(s, n, m, g, g, ws, wy, r, d, sy, ss, wt, ps, py, again)
      if (again) return
      call form_k(n, m, n, index, 0_ip, 0_ip, change, s%updates, .true., wn, snd, ws, wy, sy, &
        s%theta, s%col, s%head, ps, py, bad)
      if (bad /= 0) then
        call empty_memory(s)
        again = .true.
        return
      end if
    end if
    again = .false.

    ! wv = -W^T g; after a skipped update the products with the new g are still to be made
    do j = 1, s%col
      if (pending) then
        wv(j) = -py(3, j)
        wv(s%col + j) = -s%theta * ps(3, j)
      else
        p = ring(s%head, j, m)
        wv(j) = -dot(n, wy(:, p), g)
        wv(s%col + j) = -s%theta * dot(n, ws(:, p), g)
      end if
    end do
    call solve_k(m, s%col, wn, wv)
    wv(1:s%col) = wv(1:s%col) / s%theta
    call direction_pass(n, m, ws, wy, s%col, s%head, s%theta, wv(1:s%col), &
      wv(s%col + 1:2 * s%col), x, g, z, d, s%gd, dtd)
    s%iword = 0
  end subroutine unconstrained_direction

  !> d with bounds: to the Cauchy point, and on to the minimizer over the variables that are free
  !> there; with s%gd = g^T d and |d|^2. `again` when a factorization failed and the memory was
  !> emptied.
  pure subroutine bounded_direction(s, n, m, x, l, u, nbd, g, ws, wy, z, r, d, t, v, sy, ss, wt, wn, &
      snd, small, ps, py, index, iwhere, change, pending, dtd, again)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m
    real(wp), intent(in) :: x(n), l(n), u(n), g(n)
    integer(kb), intent(in) :: nbd(n)
    real(wp), intent(inout) :: ws(n, m), wy(n, m), z(n), r(n), d(n), t(n)
    real(wp), intent(inout) :: v(n)                !< scratch: the direction of the Cauchy path
    real(wp), intent(inout) :: sy(m, m), ss(m, m), wt(m, m), wn(2 * m, 2 * m), snd(2 * m, 2 * m)
    real(wp), intent(inout) :: small(8 * m), ps(3, m), py(3, m)  !< scratch
    integer(ip), intent(inout) :: index(n), iwhere(n), change(n)
    logical, intent(in) :: pending                 !< there is a correction to store
    real(wp), intent(out) :: dtd
    logical, intent(out) :: again
    integer(ip) :: nbreak, col, j, k, bad
    real(wp) :: slope, length
    logical :: bounded

    dtd = 0
    again = .false.
    s%iword = -1
    call cauchy_path(n, x, l, u, nbd, g, iwhere, change, t, v, nbreak, slope, bounded)
    if (pending) then
      call store(s, n, m, g, v, ws, wy, r, d, sy, ss, wt, ps, py, again)
      if (again) return
    end if

    col = s%col
    associate (p => small(1:2 * m), c => small(2 * m + 1:4 * m), wbp => small(4 * m + 1:6 * m), &
        a => small(6 * m + 1:8 * m))
      do j = 1, col
        if (pending) then
          p(j) = py(3, j)
          p(col + j) = s%theta * ps(3, j)
        else
          k = ring(s%head, j, m)
          p(j) = dot(n, wy(:, k), v)
          p(col + j) = s%theta * dot(n, ws(:, k), v)
        end if
      end do
      call cauchy_search(n, m, x, l, u, iwhere, change, t, nbreak, slope, bounded, v, z, ws, wy, sy, &
        wt, s%theta, col, s%head, p, c, wbp, a, s%nseg, length)
      s%nseg_total = s%nseg_total + s%nseg
      call sort_free(n, iwhere, index, change, s%nfree, s%nenter, s%nleave, &
        s%nit == 0 .or. s%constrained == 0)

      if (s%nfree == 0 .or. col == 0) then
        d = z - x
        dtd = dot(n, d, d)
        s%gd = dot(n, g, d)
        return
      end if
      if (s%nenter > 0 .or. s%nleave > 0 .or. pending) then
        call form_k(n, m, s%nfree, index, s%nenter, s%nleave, change, s%updates, pending, wn, snd, &
          ws, wy, sy, s%theta, col, s%head, ps, py, bad)
        if (bad /= 0) then
          call empty_memory(s)
          again = .true.
          return
        end if
      end if

      call middle_product(m, col, sy, wt, c(1:2 * col), a(1:2 * col))
      call reduced_products(m, col, s%theta, 1 - s%theta * length, p(1:2 * col), a(1:2 * col), snd, sy, &
        ss, wbp(1:2 * col))
      call solve_k(m, col, wn, wbp)
      a(1:col) = a(1:col) + wbp(1:col) / s%theta
      a(col + 1:2 * col) = s%theta * a(col + 1:2 * col) + wbp(col + 1:2 * col)
      call bounded_pass(n, m, ws, wy, col, s%head, s%theta, a(1:col), a(col + 1:2 * col), &
        1 - s%theta * length, v, iwhere, x, l, u, nbd, g, z, r, d, s%gd, dtd, s%iword)
    end associate
    if (s%iword == 1 .and. s%gd > -orthogonal * s%sbgnrm * sqrt(dtd)) then
      call shorten(n, s%nfree, index, l, u, nbd, x, length, v, r, z, s%iword)
      d = z - x
      dtd = dot(n, d, d)
      s%gd = dot(n, g, d)
    end if
  end subroutine bounded_direction

  !> The first trial point along d; `again` when d is no descent direction: the memory was
  !> emptied, or there is nothing left to do.
  pure subroutine begin_search(s, n, x, l, u, nbd, g, z, r, d, t, dtd, again)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: x(n), g(n)
    real(wp), intent(in) :: l(n), u(n), z(n), d(n)
    integer(kb), intent(in) :: nbd(n)
    real(wp), intent(inout) :: r(n), t(n)
    real(wp), intent(in) :: dtd
    logical, intent(out) :: again

    again = .false.
    s%dnorm = sqrt(dtd)
    s%stpmx = big
    if (s%constrained == 1) then
      if (s%nit == 0) then
        s%stpmx = 1
      else
        s%stpmx = longest_step(n, x, l, u, nbd, d, big)
      end if
    end if
    s%stp = 1
    if (s%nit == 0 .and. s%boxed == 0) s%stp = min(1 / s%dnorm, s%stpmx)
    t = x
    r = g
    s%fold = s%f
    s%nls = 0
    s%gdold = s%gd
    if (.not. s%gd < 0) then
      call give_up(s, n, x, g, r, t)
      again = .true.
      return
    end if
    call search_start(s%f, s%gd, s%stp, ls_ftol, 0.0_wp, s%stpmx, s%ls, s%ls_flags)
    call place_trial(s, n, x, z, d, t)
    call ask(s, lb_evaluate)
  end subroutine begin_search

  !> x at the present step along d.
  pure subroutine place_trial(s, n, x, z, d, t)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: x(n)
    real(wp), intent(in) :: z(n), d(n), t(n)

    s%xstep = s%stp * s%dnorm
    if (s%stp >= 1 .and. s%stp <= 1) then
      x = z
    else
      x = s%stp * d + t
    end if
  end subroutine place_trial

  !> The line search has failed: back to the iterate, with an empty memory, or to the end if it
  !> was empty already.
  pure subroutine give_up(s, n, x, g, r, t)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: x(n), g(n)
    real(wp), intent(in) :: r(n), t(n)

    x = t
    g = r
    s%f = s%fold
    if (s%col == 0) then
      s%nit = s%nit + 1
      call finish(s, lb_abnormal)
    else
      call empty_memory(s)
    end if
  end subroutine give_up

  !> Look at f and g of the trial: another trial, a new iterate, or (`again`) a new direction.
  pure subroutine judge_trial(s, n, x, l, u, nbd, f, g, z, r, d, t, again)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: x(n), g(n)
    real(wp), intent(in) :: l(n), u(n), f, z(n), r(n), d(n), t(n)
    integer(kb), intent(in) :: nbd(n)
    logical, intent(out) :: again
    integer(ic) :: outcome

    again = .false.
    s%gd = dot(n, g, d)
    if (abs(f) <= huge(f) .and. abs(s%gd) <= huge(f)) then
      call search_step(f, s%gd, s%stp, ls_gtol, ls_xtol, 0.0_wp, s%stpmx, s%ls, s%ls_flags, outcome)
    else
      ! no number: the minimum lies nearer than this
      s%stp = 0.5_wp * s%stp
      outcome = search_evaluate
    end if

    if (outcome == search_evaluate) then
      s%nls = s%nls + 1
      if (s%nls >= s%maxls) then
        call give_up(s, n, x, g, r, t)
        again = s%task /= lb_done
        return
      end if
      call place_trial(s, n, x, z, d, t)
      call ask(s, lb_evaluate)
      return
    end if

    s%nit = s%nit + 1
    s%f = f
    s%sbgnrm = projected_gradient(n, x, l, u, nbd, g)
    s%nactive = count_active(n, x, l, u, nbd)
    call ask(s, lb_new_x)
  end subroutine judge_trial

  !> Whether the last step gives a correction: y^T s must be positive beyond rounding.
  pure subroutine judge_correction(s, pending)
    type(lb_state), intent(inout) :: s
    logical, intent(out) :: pending

    pending = (s%gd - s%gdold) * s%stp > eps * (-s%gdold * s%stp)
    if (pending) then
      s%updated = 1
      s%updates = s%updates + 1
    else
      s%updated = 0
      s%nskip = s%nskip + 1
    end if
  end subroutine judge_correction

end module fitcore_lb_driver
