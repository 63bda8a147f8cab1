!> QR factorization with column pivoting by Householder reflections, the role of MINPACK's qrfac.
!>
!> Moré, Garbow, Hillstrom (1980), User Guide for MINPACK-1, ANL-80-74, routine QRFAC;
!> Golub, Van Loan, Matrix Computations, section 5.4.2 for the pivoting.
module fitcore_qr
  use fitcore_kinds, only: wp, ip, eps
  use fitcore_vectors, only: dot, norm, axpy
  implicit none (type, external)
  private
  public :: qr_pivot, swap_columns

contains

  !> A P = Q R for an m by n matrix with m >= n, and Q^T b for one right hand side.
  !>
  !> On return the upper triangle of a, without its diagonal, holds R; rdiag its diagonal. Below
  !> and on the diagonal of column j stands the vector u_j of the reflection
  !> H_j = I - u_j u_j^T / u_j(j), scaled as MINPACK scales it. The diagonal of R does not
  !> increase in size. Column norms are brought up to date instead of formed again while that is
  !> accurate.
  pure subroutine qr_pivot(m, n, a, lda, ipvt, rdiag, acnorm, b, work)
    integer(ip), intent(in) :: m                 !< rows
    integer(ip), intent(in) :: n                 !< columns, n <= m
    integer(ip), intent(in) :: lda               !< leading dimension of a, at least m
    real(wp), intent(inout) :: a(lda, n)         !< the matrix; then R and the reflections
    integer(ip), intent(out) :: ipvt(n)          !< column j of A P is column ipvt(j) of A
    real(wp), intent(out) :: rdiag(n)            !< diagonal of R
    real(wp), intent(out) :: acnorm(n)           !< norms of the columns of A, in A's order
    real(wp), intent(inout) :: b(m)              !< right hand side; then Q^T b
    real(wp), intent(out) :: work(n)             !< scratch
    integer(ip) :: j, k, kmax, rows, tmp
    real(wp) :: alpha, t, below

    do j = 1, n
      acnorm(j) = norm(m, a(1:m, j))
      rdiag(j) = acnorm(j)
      work(j) = acnorm(j)
      ipvt(j) = j
    end do

    do j = 1, n
      kmax = j
      do k = j + 1, n
        if (rdiag(k) > rdiag(kmax)) kmax = k
      end do
      if (kmax /= j) then
        call swap_columns(m, a(1:m, j), a(1:m, kmax))
        rdiag(kmax) = rdiag(j)
        work(kmax) = work(j)
        tmp = ipvt(j)
        ipvt(j) = ipvt(kmax)
        ipvt(kmax) = tmp
      end if

      rows = m - j + 1
      alpha = norm(rows, a(j:m, j))
      if (alpha > 0) then
        if (a(j, j) < 0) alpha = -alpha
        a(j:m, j) = a(j:m, j) / alpha
        a(j, j) = a(j, j) + 1
        do k = j + 1, n
          t = dot(rows, a(j:m, j), a(j:m, k)) / a(j, j)
          call axpy(rows, -t, a(j:m, j), a(j:m, k))
          if (rdiag(k) > 0) then
            t = a(j, k) / rdiag(k)
            below = rdiag(k) * sqrt(max(0.0_wp, 1 - t**2))
            rdiag(k) = below
            ! what cancellation has left is not enough digits: form the norm anew
            if (0.05_wp * (below / work(k))**2 <= eps) then
              rdiag(k) = norm(rows - 1, a(j + 1:m, k))
              work(k) = rdiag(k)
            end if
          end if
        end do
        t = dot(rows, a(j:m, j), b(j:m)) / a(j, j)
        call axpy(rows, -t, a(j:m, j), b(j:m))
      end if
      rdiag(j) = -alpha
    end do
  end subroutine qr_pivot

  !> Exchange x(m) and y(m).
  pure subroutine swap_columns(m, x, y)
    integer(ip), intent(in) :: m
    real(wp), intent(inout) :: x(m), y(m)
    real(wp) :: t
    integer(ip) :: i

    do i = 1, m
      t = x(i)
      x(i) = y(i)
      y(i) = t
    end do
  end subroutine swap_columns

end module fitcore_qr
