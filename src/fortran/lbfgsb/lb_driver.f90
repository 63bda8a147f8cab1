!> L-BFGS-B 3.0 by reverse communication.
!>
!> Byrd, Lu, Nocedal, Zhu (1995), SIAM J. Sci. Comput. 16(5); Zhu, Byrd, Lu, Nocedal (1997),
!> Algorithm 778, ACM TOMS 23(4); Morales, Nocedal (2011), ACM TOMS 38(1). The caller owns every
!> array; between two calls it does what state%task asks and calls again.
module fitcore_lb_driver
  use fitcore_kinds, only: wp, ip, ic, eps
  use fitcore_lb_types
  use fitcore_lb_layout, only: leading, blocks, ring, list_columns, work_size, iwork_size
  use fitcore_bounds, only: project_start, count_free
  use fitcore_lb_compact, only: make_room, factor_middle, middle_product
  use fitcore_lb_cauchy, only: cauchy_search
  use fitcore_lb_passes, only: inspect, gather_products, slope_along, move_along, open_step, &
    bounded_step, shortened_step
  use fitcore_lb_kernels, only: kernels, kernel_table, from_c
  use fitcore_lb_subspace, only: update_products, factor_k, solve_k, reduced_products
  use fitcore_line_search
  implicit none (type, external)
  private

  ! Conditions of the line search, and the longest step without bounds.
  real(wp), parameter :: ls_ftol = 1.0e-3_wp, ls_gtol = 0.9_wp, ls_xtol = 0.1_wp, big = 1.0e10_wp
  ! A projected direction whose slope is below this part of what it could be is not downhill: in
  ! the original rounding decides then, and a slope of -1e-17 ends the run.
  real(wp), parameter :: orthogonal = 1.0e-8_wp

contains

  !> Set up a minimization over n variables, bounded or not, with at most m corrections.
  pure subroutine lb_init(s, n, m, bounded, factr, pgtol, maxls) bind(c, name='fitcore_lb_init')
    type(lb_state), intent(out) :: s
    integer(ip), intent(in), value :: n, m
    integer(ic), intent(in), value :: bounded
    real(wp), intent(in), value :: factr, pgtol
    integer(ic), intent(in), value :: maxls

    s = lb_state(n=n, m=m, nit=0, nfev=0, col=0, head=1, updates=0, nfree=n, nactive=0, nseg=0, &
      nseg_total=0, nskip=0, nenter=0, nleave=0, nls=0, nbreak=0, nopen=0, factr=factr, pgtol=pgtol, &
      f=0, fold=0, sbgnrm=0, theta=1, stp=0, dnorm=0, xstep=0, gd=0, gdold=0, stpmx=0, slope=0, &
      least_break=0, yy=0, ls=0, maxls=maxls, task=lb_start, info=0, stage=lb_start, &
      bounded=merge(1_ic, 0_ic, bounded /= 0), constrained=0, boxed=0, projected=0, updated=0, &
      pending=0, ls_flags=0, iword=-1, restarted=0)
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
  !> `table` has the kernels for this processor. The marks begin as zeros.
  subroutine lb_step(s, x, l, u, f, g, wa, iwa, marks, table) bind(c, name='fitcore_lb_step')
    type(lb_state), intent(inout) :: s
    real(wp), intent(inout) :: x(s%n)
    real(wp), intent(in) :: l(s%n * s%bounded), u(s%n * s%bounded)
    real(wp), intent(in), value :: f
    real(wp), intent(inout) :: g(s%n)
    real(wp), intent(inout) :: wa(work_size(s%n, s%m))
    integer(ip), intent(inout) :: iwa(iwork_size(s%m))
    integer(kb), intent(inout) :: marks(s%n * s%bounded)
    type(kernel_table), intent(in) :: table
    type(kernels) :: k
    integer(ip) :: n, m, ld, nb, t, sy, ss, wt, wn, wn1, sums, small, scratch

    if (s%task == lb_done) return
    n = s%n
    m = s%m
    ld = leading(n)
    nb = blocks(n)
    t = ld * (2 * m + 2) * nb + 1
    sy = t + n
    ss = sy + m * m
    wt = ss + m * m
    wn = wt + m * m
    wn1 = wn + 4 * m * m
    sums = wn1 + 4 * m * m
    small = sums + 8 * m
    scratch = small + 10 * m
    call from_c(table, k)
    call advance(k, s, n, m, ld, nb, x, l, u, f, g, wa, wa(t), wa(sy), wa(ss), wa(wt), wa(wn), wa(wn1), &
      wa(sums), wa(small), wa(scratch), iwa, marks)
  end subroutine lb_step

  !> lb_step with its workspace taken apart.
  pure subroutine advance(k, s, n, m, ld, nb, x, l, u, f, g, w, t, sy, ss, wt, wn, wn1, sums, small, &
      rows, which, marks)
    type(kernels), intent(in) :: k
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m, ld, nb
    real(wp), intent(inout) :: x(n), g(n)
    real(wp), intent(in) :: l(n * s%bounded), u(n * s%bounded), f
    real(wp), intent(inout) :: w(ld, 2 * m + 2, nb)  !< S and Y, see layout.f90
    real(wp), intent(inout) :: t(n)                !< the iterate, while x is a trial
    real(wp), intent(inout) :: sy(m, m), ss(m, m), wt(m, m), wn(2 * m, 2 * m), wn1(2 * m, 2 * m)
    real(wp), intent(inout) :: sums(4, 2 * m)      !< products of the new correction
    real(wp), intent(inout) :: small(10 * m), rows(ld, 5)  !< scratch
    integer(ip), intent(inout) :: which(2 * m)
    integer(kb), intent(inout) :: marks(n * s%bounded)
    real(wp) :: dtd
    logical :: again

    s%restarted = 0
    select case (s%stage)
    case (lb_start)
      if (s%bounded == 1) call project_start(n, x, l, u, s%projected, s%constrained, s%boxed)
      call ask(s, lb_evaluate)
      return

    case (lb_evaluate)
      s%nfev = s%nfev + 1
      if (s%nfev == 1) then
        s%f = f
        call inspect(k, s, n, x, l, u, g, marks)
        if (.not. (abs(f) <= huge(f) .and. s%sbgnrm <= huge(f))) then
          call finish(s, lb_nonfinite)
          return
        end if
        if (s%sbgnrm <= s%pgtol) then
          call finish(s, lb_converged_pgtol)
          return
        end if
      else
        call judge_trial(k, s, n, m, ld, nb, x, l, u, f, g, w, t, sums, rows, which, marks, again)
        if (.not. again) return
        call inspect(k, s, n, x, l, u, g, marks)
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
      call commit(s, m, sy, ss, wt, sums, again)
    end select

    ! a direction and the first trial along it; once more with an empty memory if that fails
    do
      if (s%constrained == 0) then
        call open_direction(k, s, n, m, ld, nb, x, g, w, t, sy, wn, wn1, sums, small, rows, which, marks, &
          dtd, again)
      else
        call bounded_direction(k, s, n, m, ld, nb, x, l, u, g, w, t, sy, ss, wt, wn, wn1, sums, small, &
          rows, which, marks, dtd, again)
      end if
      if (.not. again) then
        call begin_search(s, n, m, ld, nb, x, l, u, g, w, t, dtd, again)
        if (.not. again .or. s%task == lb_done) return
      end if
      call inspect(k, s, n, x, l, u, g, marks)
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
    s%pending = 0
    s%restarted = 1
  end subroutine empty_memory

  !> Make the pending step and its y a correction; `failed` when the memory had to be emptied.
  pure subroutine commit(s, m, sy, ss, wt, sums, failed)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: m
    real(wp), intent(inout) :: sy(m, m), ss(m, m), wt(m, m)
    real(wp), intent(in) :: sums(4, 2 * m)
    logical, intent(out) :: failed
    integer(ip) :: col, j, bad
    real(wp) :: dr

    failed = .false.
    s%updated = s%pending
    if (s%pending == 0) then
      s%nskip = s%nskip + 1
      return
    end if
    dr = (s%gd - s%gdold) * s%stp
    s%updates = s%updates + 1
    call make_room(m, sy, ss, s%col, s%head, s%updates)
    col = s%col
    s%theta = s%yy / dr
    do j = 1, col
      ss(j, col) = sums(1, j)
      sy(col, j) = sums(1, col + j)
    end do
    ss(col, col) = s%stp * s%stp * s%dnorm**2
    sy(col, col) = dr
    call factor_middle(m, col, sy, ss, s%theta, wt, bad)
    failed = bad /= 0
    if (failed) call empty_memory(s)
  end subroutine commit

  !> W^T v, from the products of the first pass.
  pure subroutine products_with_v(col, theta, sums, p)
    integer(ip), intent(in) :: col
    real(wp), intent(in) :: theta, sums(4, 2 * col)
    real(wp), intent(out) :: p(2 * col)

    p(1:col) = sums(2, col + 1:2 * col)
    p(col + 1:2 * col) = theta * sums(2, 1:col)
  end subroutine products_with_v

  !> The column of S for the search direction.
  pure integer(ip) function spare_column(s)
    type(lb_state), intent(in) :: s
    spare_column = ring(s%head, s%col + 1, s%m)
  end function spare_column

  !> The trial point without bounds: the minimizer of the model. `again` when a factorization failed
  !> and the memory was emptied.
  pure subroutine open_direction(k, s, n, m, ld, nb, x, g, w, t, sy, wn, wn1, sums, small, rows, which, &
      marks, dtd, again)
    type(kernels), intent(in) :: k
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m, ld, nb
    real(wp), intent(inout) :: x(n), w(ld, 2 * m + 2, nb), t(n)
    real(wp), intent(in) :: g(n), sy(m, m), sums(4, 2 * m)
    real(wp), intent(inout) :: wn(2 * m, 2 * m), wn1(2 * m, 2 * m)
    real(wp), intent(out) :: small(2 * m), rows(ld)  !< scratch
    integer(ip), intent(out) :: which(2 * m)
    integer(kb), intent(in) :: marks(n * s%bounded)
    real(wp), intent(out) :: dtd
    logical, intent(out) :: again
    integer(ip) :: col, bad

    again = .false.
    dtd = 0
    col = s%col
    s%nseg = merge(1, 0, col == 0)
    s%nseg_total = s%nseg_total + s%nseg
    s%iword = merge(-1, 0, col == 0)
    if (col > 0) then
      if (s%pending == 1) then
        call update_products(s, n, m, ld, nb, w, marks, sums, wn1)
        call factor_k(m, col, wn1, sy, s%theta, wn, bad)
        if (bad /= 0) then
          call empty_memory(s)
          again = .true.
          return
        end if
      end if
      call products_with_v(col, s%theta, sums, small(1:2 * col))
      call solve_k(m, col, wn, small)
      call subspace_coefficients(col, s%theta, small(1:2 * col))
      call list_columns(m, s%head, 1_ip, col, which)
    end if
    s%pending = 0
    call open_step(k, s, n, m, ld, nb, w, spare_column(s), 2 * col, which, small, g, x, t, rows, &
      dtd)
  end subroutine open_direction

  !> From K^{-1} wv to the coefficients of the columns of S, then Y.
  pure subroutine subspace_coefficients(col, theta, wv)
    integer(ip), intent(in) :: col
    real(wp), intent(in) :: theta
    real(wp), intent(inout) :: wv(2 * col)
    real(wp) :: y(col)

    y = wv(1:col) / theta
    wv(1:col) = wv(col + 1:2 * col)
    wv(col + 1:2 * col) = y
  end subroutine subspace_coefficients

  !> The trial point with bounds: to the Cauchy point, and on to the minimizer over the variables
  !> that are free there. `again` when a factorization failed and the memory was emptied.
  pure subroutine bounded_direction(k, s, n, m, ld, nb, x, l, u, g, w, t, sy, ss, wt, wn, wn1, sums, small, &
      rows, which, marks, dtd, again)
    type(kernels), intent(in) :: k
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m, ld, nb
    real(wp), intent(inout) :: x(n), w(ld, 2 * m + 2, nb), t(n)
    real(wp), intent(in) :: l(n), u(n), g(n), sy(m, m), ss(m, m), wt(m, m)
    real(wp), intent(inout) :: wn(2 * m, 2 * m), wn1(2 * m, 2 * m)
    real(wp), intent(inout) :: sums(4, 2 * m)
    real(wp), intent(out) :: small(10 * m), rows(ld)  !< scratch
    integer(ip), intent(out) :: which(2 * m)
    integer(kb), intent(inout) :: marks(n)
    real(wp), intent(out) :: dtd
    logical, intent(out) :: again
    integer(ip) :: col, bad
    real(wp) :: length, scale

    dtd = 0
    again = .false.
    col = s%col
    associate (p => small(1:2 * m), c => small(2 * m + 1:4 * m), wv => small(4 * m + 1:6 * m), &
        a => small(6 * m + 1:8 * m), coef => small(8 * m + 1:10 * m))
      call products_with_v(col, s%theta, sums, p(1:2 * col))
      call cauchy_search(s, n, m, ld, nb, w, spare_column(s), x, l, u, g, marks, t, sy, wt, p, c, wv, &
        a, sums, length)
      s%nseg_total = s%nseg_total + s%nseg
      call count_free(n, marks, s%nit == 0, s%nfree, s%nenter, s%nleave)

      if (s%nfree == 0 .or. col == 0) then
        s%pending = 0
        call bounded_step(k, s, n, m, ld, nb, w, spare_column(s), 0_ip, which, coef, 0.0_wp, length, &
          marks, l, u, g, x, t, rows, dtd)
        return
      end if
      if (s%nenter > 0 .or. s%nleave > 0 .or. s%pending == 1) then
        call update_products(s, n, m, ld, nb, w, marks, sums, wn1)
        call factor_k(m, col, wn1, sy, s%theta, wn, bad)
        if (bad /= 0) then
          call empty_memory(s)
          again = .true.
          return
        end if
      end if
      s%pending = 0

      ! the reduced gradient at the Cauchy point (their equation 5.4), then their (5.11)
      scale = 1 - s%theta * length
      call middle_product(m, col, sy, wt, c(1:2 * col), a(1:2 * col))
      call reduced_products(m, col, s%theta, scale, p(1:2 * col), a(1:2 * col), wn1, sy, ss, &
        wv(1:2 * col))
      call solve_k(m, col, wn, wv)
      coef(1:col) = s%theta * a(col + 1:2 * col) + wv(col + 1:2 * col)
      coef(col + 1:2 * col) = a(1:col) + wv(1:col) / s%theta
      call list_columns(m, s%head, 1_ip, col, which)
      call bounded_step(k, s, n, m, ld, nb, w, spare_column(s), 2 * col, which, coef, scale, length, &
        marks, l, u, g, x, t, rows, dtd)
      if (s%iword == 1 .and. s%gd > -orthogonal * s%sbgnrm * sqrt(dtd)) then
        call shortened_step(k, s, n, m, ld, nb, w, spare_column(s), 2 * col, which, coef, scale, length, &
          marks, l, u, g, x, t, rows, dtd)
      end if
    end associate
  end subroutine bounded_direction

  !> Begin the line search at the trial point x along d; `again` when d is no descent direction: the
  !> memory was emptied, or there is nothing left to do.
  pure subroutine begin_search(s, n, m, ld, nb, x, l, u, g, w, t, dtd, again)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m, ld, nb
    real(wp), intent(inout) :: x(n), g(n)
    real(wp), intent(in) :: l(n * s%bounded), u(n * s%bounded), w(ld, 2 * m + 2, nb), t(n), dtd
    logical, intent(out) :: again

    again = .false.
    s%dnorm = sqrt(dtd)
    if (s%constrained == 0) then
      s%stpmx = big
    else if (s%nit == 0) then
      s%stpmx = 1
    else
      s%stpmx = min(s%stpmx, big)
    end if
    s%stp = 1
    if (s%nit == 0 .and. s%boxed == 0) s%stp = min(1 / s%dnorm, s%stpmx)
    s%fold = s%f
    s%nls = 0
    s%gdold = s%gd
    if (.not. s%gd < 0) then
      call give_up(s, n, m, x, g, w, t)
      again = .true.
      return
    end if
    call search_start(s%f, s%gd, s%stp, ls_ftol, 0.0_wp, s%stpmx, s%ls, s%ls_flags)
    s%xstep = s%stp * s%dnorm
    if (s%stp < 1 .or. s%stp > 1) call move_along(s, n, m, ld, nb, w, spare_column(s), t, l, u, x)
    call ask(s, lb_evaluate)
  end subroutine begin_search

  !> The line search has failed: back to the iterate, with an empty memory, or to the end if it
  !> was empty already.
  pure subroutine give_up(s, n, m, x, g, w, t)
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m
    real(wp), intent(inout) :: x(n), g(n)
    real(wp), intent(in) :: w(leading(n), 2 * m + 2, blocks(n)), t(n)
    integer(ip) :: b, first, last, spare

    spare = m + 1 + spare_column(s)
    do b = 1, blocks(n)
      first = (b - 1) * leading(n) + 1
      last = min(n, b * leading(n))
      g(first:last) = w(1:last - first + 1, spare, b)
    end do
    x = t
    s%f = s%fold
    if (s%col == 0) then
      s%nit = s%nit + 1
      call finish(s, lb_abnormal)
    else
      call empty_memory(s)
    end if
  end subroutine give_up

  !> Look at f and g of the trial: another trial, a new iterate, or (`again`) a new direction.
  pure subroutine judge_trial(k, s, n, m, ld, nb, x, l, u, f, g, w, t, sums, rows, which, marks, again)
    type(kernels), intent(in) :: k
    type(lb_state), intent(inout) :: s
    integer(ip), intent(in) :: n, m, ld, nb
    real(wp), intent(inout) :: x(n), g(n)
    real(wp), intent(in) :: l(n * s%bounded), u(n * s%bounded), f, t(n)
    real(wp), intent(inout) :: w(ld, 2 * m + 2, nb), sums(4, 2 * m), rows(ld, 5)
    integer(ip), intent(out) :: which(2 * m)
    integer(kb), intent(inout) :: marks(n * s%bounded)
    logical, intent(out) :: again
    integer(ic) :: outcome
    integer(ip) :: first, count

    again = .false.
    s%gd = slope_along(n, m, ld, nb, w, spare_column(s), g)
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
        call give_up(s, n, m, x, g, w, t)
        again = s%task /= lb_done
        return
      end if
      s%xstep = s%stp * s%dnorm
      call move_along(s, n, m, ld, nb, w, spare_column(s), t, l, u, x)
      call ask(s, lb_evaluate)
      return
    end if

    s%nit = s%nit + 1
    s%f = f
    ! the step gives a correction if y^T s is positive beyond rounding; a full memory has no use
    ! for the oldest one then
    s%pending = merge(1_ic, 0_ic, (s%gd - s%gdold) * s%stp > eps * (-s%gdold * s%stp))
    count = s%col
    first = 1
    if (s%pending == 1) then
      if (count < m) then
        count = count + 1
      else
        first = 2
      end if
    end if
    call list_columns(m, s%head, first, count, which)
    call gather_products(k, s, n, m, ld, nb, w, spare_column(s), 2 * count, which, x, l, u, g, marks, &
      rows, sums)
    call ask(s, lb_new_x)
  end subroutine judge_trial

end module fitcore_lb_driver
