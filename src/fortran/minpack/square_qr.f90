!> QR factors of a square matrix without pivoting, Q formed (MINPACK's qrfac and qform together).
!>
!> Golub, Van Loan, Matrix Computations, sections 5.2.1 (Householder QR) and 5.1.6 (the product of
!> the reflections, accumulated backwards). Sums go in the order of the elements, as in MINPACK.
!>
!> A triangle is kept packed by rows: row i, columns i to n, begins at row_start(n, i).
module fitcore_square_qr
  use fitcore_kinds, only: wp, ip
  use fitcore_ordered, only: norm_in_order, products
  implicit none (type, external)
  private
  public :: qr_square, row_start

contains

  !> Where row i of a packed triangle of order n begins.
  pure integer(ip) function row_start(n, i)
    integer(ip), intent(in) :: n, i
    row_start = (i - 1) * (2 * n - i + 2) / 2 + 1
  end function row_start

  !> A = Q R, and Q^T b.
  pure subroutine qr_square(n, a, r, acnorm, qtb, work)
    integer(ip), intent(in) :: n
    real(wp), intent(inout) :: a(n, n)             !< the matrix; then Q
    real(wp), intent(out) :: r(n * (n + 1) / 2)    !< R, packed by rows
    real(wp), intent(out) :: acnorm(n)             !< norms of the columns of A
    real(wp), intent(inout) :: qtb(n)              !< right hand side b; then Q^T b
    real(wp), intent(out) :: work(2 * n)           !< scratch
    integer(ip) :: i, j, l, rows
    real(wp) :: alpha

    do j = 1, n
      acnorm(j) = norm_in_order(n, a(:, j))
    end do

    ! reflections H_j = I - u_j u_j^T / u_j(j), which leave R above the diagonal and u_j below
    do j = 1, n
      rows = n - j + 1
      alpha = norm_in_order(rows, a(j:n, j))
      if (abs(alpha) > 0) then
        if (a(j, j) < 0) alpha = -alpha
        a(j:n, j) = a(j:n, j) / alpha
        a(j, j) = a(j, j) + 1
        if (j < n) call reflect(rows, n - j, a(j:n, j), a(j, j + 1), n, work)
        call reflect(rows, 1_ip, a(j:n, j), qtb(j), rows, work)
      end if
      l = j
      do i = 1, j - 1
        r(l) = a(i, j)
        l = l + n - i
      end do
      r(l) = -alpha
    end do

    ! Q = H_1 ... H_n, from the last to the first
    do j = n, 1, -1
      rows = n - j + 1
      work(1:rows) = a(j:n, j)
      a(1:n, j) = 0
      a(j, j) = 1
      if (abs(work(1)) > 0) call reflect(rows, rows, work(1:rows), a(j, j), n, work(n + 1))
    end do
  end subroutine qr_square

  !> A <- (I - u u^T / u(1)) A for the m by k matrix A.
  pure subroutine reflect(m, k, u, a, lda, s)
    integer(ip), intent(in) :: m, k, lda
    real(wp), intent(in) :: u(m)
    real(wp), intent(inout) :: a(lda, *)
    real(wp), intent(out) :: s(k)                  !< scratch
    integer(ip) :: i, j
    real(wp) :: t

    call products(m, k, a, lda, u, s)
    do j = 1, k
      t = s(j) / u(1)
      do i = 1, m
        a(i, j) = a(i, j) - t * u(i)
      end do
    end do
  end subroutine reflect

end module fitcore_square_qr
