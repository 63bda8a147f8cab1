!> The dogleg step (the role of MINPACK's dogleg).
!>
!> Powell (1970), A hybrid method for nonlinear equations, in Rabinowitz (ed.), Numerical Methods
!> for Nonlinear Algebraic Equations, section 4; in scaled variables: Moré, Garbow, Hillstrom
!> (1980), ANL-80-74.
module fitcore_dogleg
  use fitcore_kinds, only: wp, ip, eps
  use fitcore_ordered, only: dot_in_order, norm_in_order
  use fitcore_square_qr, only: row_start
  implicit none (type, external)
  private
  public :: dogleg

contains

  !> The x on the path from 0 by the Cauchy point to the Gauss-Newton point of |R x - b|, as far
  !> along it as |D x| <= delta allows.
  pure subroutine dogleg(n, r, diag, qtb, delta, x, g, work)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: r(n * (n + 1) / 2)     !< R, packed by rows
    real(wp), intent(in) :: diag(n)                !< diagonal of D
    real(wp), intent(in) :: qtb(n)                 !< b
    real(wp), intent(in) :: delta                  !< bound on |D x|
    real(wp), intent(out) :: x(n)                  !< the step
    real(wp), intent(out) :: g(n), work(n)         !< scratch
    integer(ip) :: i, j, l
    real(wp) :: qnorm, gnorm, cauchy, alpha

    call newton_point(n, r, qtb, x)
    work = diag * x
    qnorm = norm_in_order(n, work)
    if (qnorm <= delta) return

    ! gradient in scaled variables, D^{-1} R^T b
    g = 0
    l = 1
    do i = 1, n
      do j = i, n
        g(j) = g(j) + r(l) * qtb(i)
        l = l + 1
      end do
      g(i) = g(i) / diag(i)
    end do
    gnorm = norm_in_order(n, g)

    cauchy = 0
    alpha = delta / qnorm                          ! where there is no slope, along Newton's step
    if (abs(gnorm) > 0) then
      ! the minimum along the gradient lies at |D x| = cauchy
      do j = 1, n
        g(j) = (g(j) / gnorm) / diag(j)
      end do
      do i = 1, n
        l = row_start(n, i)
        work(i) = dot_in_order(n - i + 1, r(l:l + n - i), g(i:n))
      end do
      cauchy = norm_in_order(n, work)
      cauchy = (gnorm / cauchy) / cauchy
      alpha = 0
      if (cauchy < delta) &
        alpha = along_leg(delta / qnorm, cauchy / delta, norm_in_order(n, qtb), gnorm, qnorm)
    end if

    cauchy = (1 - alpha) * min(cauchy, delta)
    do j = 1, n
      x(j) = cauchy * g(j) + alpha * x(j)
    end do
  end subroutine dogleg

  !> How far from the Cauchy point to Newton's the bound is met: the root in [0, 1] of the
  !> quadratic |D x| = delta, with the inner product of the two points expressed by bnorm = |b|.
  pure real(wp) function along_leg(newton, cauchy, bnorm, gnorm, qnorm) result(alpha)
    real(wp), intent(in) :: newton                 !< delta by the length of Newton's step
    real(wp), intent(in) :: cauchy                 !< the length of Cauchy's step by delta
    real(wp), intent(in) :: bnorm, gnorm, qnorm
    real(wp) :: t

    t = (bnorm / gnorm) * (bnorm / qnorm) * cauchy
    t = t - newton * cauchy**2 + sqrt((t - newton)**2 + (1 - newton**2) * (1 - cauchy**2))
    alpha = (newton * (1 - cauchy**2)) / t
  end function along_leg

  !> x = R^{-1} b, where a zero on the diagonal of R is replaced by eps times the greatest element
  !> of its column.
  pure subroutine newton_point(n, r, b, x)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: r(n * (n + 1) / 2), b(n)
    real(wp), intent(out) :: x(n)
    integer(ip) :: i, j, l
    real(wp) :: pivot, s

    do j = n, 1, -1
      l = row_start(n, j)
      s = dot_in_order(n - j, r(l + 1:l + n - j), x(j + 1:n))
      pivot = r(l)
      if (.not. abs(pivot) > 0) then
        pivot = 0
        l = j
        do i = 1, j
          pivot = max(pivot, abs(r(l)))
          l = l + n - i
        end do
        pivot = eps * pivot
        if (.not. pivot > 0) pivot = eps
      end if
      x(j) = (b(j) - s) / pivot
    end do
  end subroutine newton_point

end module fitcore_dogleg
