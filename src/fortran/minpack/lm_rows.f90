!> Levenberg-Marquardt by rows: MINPACK-1's lmstr by reverse communication.
!>
!> Neither the Jacobian nor the residuals are ever there as a whole: the caller tells them in
!> passes, some rows at a time, and what is kept is the n by n triangle R, the first n elements of
!> Q^T f, and a sum of squares. Moré, Garbow, Hillstrom (1980), ANL-80-74, routines LMSTR and
!> RWUPDT; steps and tests are those of lm_trust.f90.
!>
!> Rows gather in a block. A full one is folded into R by the kernel of tall_qr.f90; the last one,
!> which is all there is of a small problem, and one that is near the ends of the number range, row
!> by row by Givens rotations as in MINPACK. So the pieces in which the rows come change no bit.
module fitcore_lm_rows
  use fitcore_kinds, only: wp, ip, ic, square_lo, square_hi
  use fitcore_vectors, only: norm, sum_squares
  use fitcore_qr, only: qr_pivot
  use fitcore_tall_qr, only: tall_block_rows, fold_rows, column_lo
  use fitcore_lm_types
  use fitcore_lm_driver, only: lm_init
  use fitcore_lm_solve, only: rotation, numerical_rank
  use fitcore_lm_trust, only: ask, lm_stop, take_start, take_factors, judge_trial
  use, intrinsic :: iso_c_binding, only: c_funptr, c_f_procpointer
  implicit none (type, external)
  private
  public :: lmstr_state, lmstr_init, lmstr_restart, lmstr_tell, lmstr_step
  public :: lmstr_block_rows, lmstr_work_size

  ! Squares near the ends of the number range are summed in another unit (Blue 1978, TOMS 4(1)).
  real(wp), parameter :: down = 2.0_wp**(-600), up = 2.0_wp**600

  !> Everything a fit remembers between two calls, besides the caller's arrays.
  type, bind(c) :: lmstr_state
    type(lm_state) :: lm           !< m is 0 until the first pass has told it
    integer(ip) :: told            !< rows of this pass so far
    integer(ip) :: waiting         !< those of them that stand in the block yet
    real(wp) :: middle             !< sum of squares of this pass, of ordinary size,
    real(wp) :: lost               !< what rounding has taken from it,
    real(wp) :: large, small       !< and of sizes whose squares overflow or underflow
  end type lmstr_state

contains

  !> Set up a fit by n variables. state%lm%info is 0 and the task done when an argument is improper.
  pure subroutine lmstr_init(state, m, n, mode, ftol, xtol, gtol, maxfev, factor, diag) &
      bind(c, name='fitcore_lmstr_init')
    type(lmstr_state), intent(out) :: state
    integer(ip), intent(in), value :: m            !< rows; 0 for as many as the first pass tells
    integer(ip), intent(in), value :: n, maxfev
    integer(ic), intent(in), value :: mode
    real(wp), intent(in), value :: ftol, xtol, gtol, factor
    real(wp), intent(in) :: diag(*)                !< scale factors, read when mode is 2

    call lm_init(state%lm, merge(n, m, m == 0), n, mode, jac_analytic, ftol, xtol, gtol, maxfev, &
      0.0_wp, factor, diag)
    state%lm%m = m
    call clear(state)
  end subroutine lmstr_init

  !> Rows of the block for n columns.
  pure integer(ip) function lmstr_block_rows(n) bind(c, name='fitcore_lmstr_block_rows')
    integer(ip), intent(in), value :: n
    lmstr_block_rows = tall_block_rows(max(1024_ip, 16 * n), n)
  end function lmstr_block_rows

  !> Doubles of scratch that lmstr_step wants in wa; lmstr_tell takes the first n + 1 of them.
  pure integer(ip) function lmstr_work_size(n) bind(c, name='fitcore_lmstr_work_size')
    integer(ip), intent(in), value :: n
    lmstr_work_size = 7 * n
  end function lmstr_work_size

  !> Forget the rows of this pass: it begins anew.
  pure subroutine lmstr_restart(state, r, qtf) bind(c, name='fitcore_lmstr_restart')
    type(lmstr_state), intent(inout) :: state
    real(wp), intent(inout) :: r(state%lm%n, state%lm%n), qtf(state%lm%n)

    call clear(state)
    if (state%lm%task == task_jacobian) then
      state%lm%factored = 0
      r = 0
      qtf = 0
    end if
  end subroutine lmstr_restart

  !> No row has been told.
  pure subroutine clear(state)
    type(lmstr_state), intent(inout) :: state

    state%told = 0
    state%waiting = 0
    state%middle = 0
    state%lost = 0
    state%large = 0
    state%small = 0
  end subroutine clear

  !> Take the next k rows of this pass: residuals at xt for task_residual, residuals and rows of the
  !> Jacobian at x for task_jacobian. (Not pure, like all that calls the kernel.)
  subroutine lmstr_tell(state, k, f, jac, row, column, r, qtf, block, wa, kernel) &
      bind(c, name='fitcore_lmstr_tell')
    type(lmstr_state), intent(inout) :: state
    integer(ip), intent(in), value :: k
    real(wp), intent(in) :: f(k)
    real(wp), intent(in) :: jac(*)                 !< element (i, j) at 1 + (i-1) row + (j-1) column;
                                                   !< not read for task_residual
    integer(ip), intent(in), value :: row, column
    real(wp), intent(inout) :: r(state%lm%n, state%lm%n), qtf(state%lm%n)
    real(wp), intent(inout) :: block(lmstr_block_rows(state%lm%n), state%lm%n + 1)
    real(wp), intent(inout) :: wa(state%lm%n + 1)
    type(c_funptr), intent(in), value :: kernel    !< one of the fold_rows
    integer(ip) :: done, rows, i, j

    done = 0
    do while (done < k)
      rows = min(size(block, 1, ip) - state%waiting, k - done)
      if (state%lm%task == task_jacobian) then
        do j = 1, state%lm%n
          do i = 1, rows
            block(state%waiting + i, j) = jac(1 + (done + i - 1) * row + (j - 1) * column)
          end do
        end do
      end if
      block(state%waiting + 1:state%waiting + rows, state%lm%n + 1) = f(done + 1:done + rows)
      done = done + rows
      state%told = state%told + rows
      state%waiting = state%waiting + rows
      if (state%waiting == size(block, 1, ip)) call absorb(state, r, qtf, block, wa, kernel)
    end do
  end subroutine lmstr_tell

  !> The rows in the block go into the sum of squares, or into R and Q^T f.
  subroutine absorb(state, r, qtf, block, wa, kernel)
    type(lmstr_state), intent(inout) :: state
    real(wp), intent(inout) :: r(state%lm%n, state%lm%n), qtf(state%lm%n)
    real(wp), intent(inout) :: block(lmstr_block_rows(state%lm%n), state%lm%n + 1)
    real(wp), intent(inout) :: wa(state%lm%n + 1)
    type(c_funptr), intent(in), value :: kernel
    procedure(fold_rows), pointer :: fold
    integer(ip) :: n, rows, i

    n = state%lm%n
    rows = state%waiting
    state%waiting = 0
    if (state%lm%task == task_residual) then
      call add_squares(state, rows, block(1:rows, n + 1))
    else if (rows == size(block, 1, ip) .and. foldable(n, rows, block, r, qtf)) then
      call c_f_procpointer(kernel, fold)
      call fold(rows, n, rows, block, r, qtf, wa)
    else
      do i = 1, rows
        wa = block(i, :)
        call rotate_in(n, r, qtf, wa(1:n), wa(n + 1))
      end do
    end if
  end subroutine absorb

  !> Add the squares of f(k), to be told apart by their size.
  pure subroutine add_squares(state, k, f)
    type(lmstr_state), intent(inout) :: state
    integer(ip), intent(in) :: k
    real(wp), intent(in) :: f(k)
    real(wp) :: ss, length, total

    ss = sum_squares(k, f)
    if (ss >= square_lo .and. ss <= square_hi) then
      ! compensated (Neumaier 1974, ZAMM 54): there may be millions of blocks
      total = state%middle + ss
      if (state%middle >= ss) then
        state%lost = state%lost + ((state%middle - total) + ss)
      else
        state%lost = state%lost + ((ss - total) + state%middle)
      end if
      state%middle = total
      return
    end if
    length = norm(k, f)
    if (ss < square_lo) then
      state%small = state%small + (length * up)**2
    else                                           ! NaN too
      state%large = state%large + (length * down)**2
    end if
  end subroutine add_squares

  !> Norm of the residuals of a whole pass.
  pure real(wp) function length_of_pass(state) result(length)
    type(lmstr_state), intent(in) :: state
    real(wp) :: parts(3)

    length = sqrt(state%middle + state%lost)
    if (state%large <= 0 .and. state%small <= 0) return
    parts = [sqrt(state%large) / down, length, sqrt(state%small) / up]
    length = norm(3_ip, parts)
  end function length_of_pass

  !> Whether the kernel may fold a block: no column of R and block together is near the ends of the
  !> number range, where it would lose digits.
  pure logical function foldable(n, rows, block, r, qtf)
    integer(ip), intent(in) :: n, rows
    real(wp), intent(in) :: block(rows, n + 1), r(n, n), qtf(n)
    real(wp) :: ss
    integer(ip) :: j

    foldable = sum_squares(n, qtf) + sum_squares(rows, block(:, n + 1)) <= square_hi
    do j = 1, n
      if (.not. foldable) return
      ss = sum_squares(j, r(1:j, j)) + sum_squares(rows, block(:, j))
      if (ss <= 0) then
        foldable = .not. (any(abs(r(1:j, j)) > 0) .or. any(abs(block(:, j)) > 0))
      else
        foldable = ss >= column_lo .and. ss <= square_hi
      end if
    end do
  end function foldable

  !> Rotate one row [w alpha] into [R Q^T f], the role of MINPACK's rwupdt.
  pure subroutine rotate_in(n, r, qtf, w, alpha)
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: r(n, n), qtf(n)
    real(wp), intent(inout) :: w(n), alpha         !< destroyed
    real(wp) :: c, s, t
    integer(ip) :: j, k

    do j = 1, n
      if (abs(w(j)) <= 0) cycle                    ! NaN is rotated in, and shows in R
      call rotation(r(j, j), w(j), c, s)
      r(j, j) = c * r(j, j) + s * w(j)
      do k = j + 1, n
        t = c * r(j, k) + s * w(k)
        w(k) = -s * r(j, k) + c * w(k)
        r(j, k) = t
      end do
      t = c * qtf(j) + s * alpha
      alpha = -s * qtf(j) + c * alpha
      qtf(j) = t
    end do
  end subroutine rotate_in

  !> All rows of this pass have been told: go on to the next thing that the caller must do.
  !>
  !> The caller sees to it that every pass tells the same number of rows, n at the least. After
  !> task_done: x the solution, and of the last Jacobian R in the upper triangle of r, ipvt and qtf.
  subroutine lmstr_step(state, x, r, diag, qtf, ipvt, xt, block, wa, kernel) &
      bind(c, name='fitcore_lmstr_step')
    type(lmstr_state), intent(inout) :: state
    real(wp), intent(inout) :: x(state%lm%n)       !< the best point; rows are wanted there
    real(wp), intent(inout) :: r(state%lm%n, state%lm%n)
    real(wp), intent(inout) :: diag(state%lm%n)    !< scale of the variables
    real(wp), intent(inout) :: qtf(state%lm%n)     !< first n elements of Q^T f
    integer(ip), intent(inout) :: ipvt(state%lm%n) !< permutation of the columns, from 1
    real(wp), intent(inout) :: xt(state%lm%n)      !< where residuals are wanted
    real(wp), intent(inout) :: block(lmstr_block_rows(state%lm%n), state%lm%n + 1)
    real(wp), intent(inout) :: wa(lmstr_work_size(state%lm%n))
    type(c_funptr), intent(in), value :: kernel
    real(wp) :: length
    integer(ip) :: n

    n = state%lm%n
    if (state%lm%task == task_done) return
    select case (state%lm%stage)
    case (task_start)
      xt = x
      call ask(state%lm, task_residual)

    case (task_residual)
      call absorb(state, r, qtf, block, wa(1:n + 1), kernel)
      length = length_of_pass(state)
      state%lm%nfev = state%lm%nfev + 1
      if (state%lm%nfev == 1) then
        state%lm%m = state%told
        call take_start(state%lm, length)
      else
        call judge_trial(state%lm, x, r, n, diag, qtf, ipvt, xt, length, wa(1:4 * n))
      end if

    case (task_iteration)
      call ask(state%lm, task_jacobian)

    case (task_jacobian)
      call absorb(state, r, qtf, block, wa(1:n + 1), kernel)
      state%lm%njev = state%lm%njev + 1
      state%lm%factored = 1
      call take_triangle(state, x, r, diag, qtf, ipvt, xt, wa)
    end select
    if (state%lm%task /= task_done) call lmstr_restart(state, r, qtf)
  end subroutine lmstr_step

  !> Pivot where a column depends on those before it, as MINPACK does it, and propose a step.
  pure subroutine take_triangle(state, x, r, diag, qtf, ipvt, xt, wa)
    type(lmstr_state), intent(inout) :: state
    real(wp), intent(in) :: x(state%lm%n)
    real(wp), intent(inout) :: r(state%lm%n, state%lm%n), diag(state%lm%n), qtf(state%lm%n)
    integer(ip), intent(inout) :: ipvt(state%lm%n)
    real(wp), intent(inout) :: xt(state%lm%n), wa(lmstr_work_size(state%lm%n))
    integer(ip) :: n, j

    n = state%lm%n
    if (.not. all(abs(qtf) <= huge(1.0_wp))) then
      call lm_stop(state%lm, info_nonfinite)
      return
    end if
    associate (acnorm => wa(4 * n + 1:5 * n), rdiag => wa(5 * n + 1:6 * n))
      if (numerical_rank(n, r, n) < n) then
        call qr_pivot(n, n, r, n, ipvt, rdiag, acnorm, qtf, wa(6 * n + 1:7 * n))
        do j = 1, n
          r(j, j) = rdiag(j)
        end do
      else
        do j = 1, n
          ipvt(j) = j
          acnorm(j) = norm(j, r(1:j, j))
        end do
      end if
      call take_factors(state%lm, x, r, n, acnorm, diag, qtf, ipvt, xt, wa(1:4 * n))
    end associate
  end subroutine take_triangle

end module fitcore_lm_rows
