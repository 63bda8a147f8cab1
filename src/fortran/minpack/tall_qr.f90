!> The triangle of a tall matrix in one pass over memory.
!>
!> A driver reads a matrix with many more rows than columns once, in blocks of rows that stay in
!> the first-level cache; fitcore_fold_rows folds each block into the triangle R by Householder
!> reflections of [R; block] (Golub, Van Loan, Matrix Computations, 5.1.7; Demmel, Grigori, Hoemmen, Langou 2012,
!> SIAM J. Sci. Comput. 34(1), the sequential TSQR). As stable as Householder QR of the whole.
!> Pivoting is done afterwards on the n by n triangle: its columns have the norms and the inner
!> products of the columns of A, so the same columns are chosen.
module fitcore_tall_qr
  use fitcore_kinds, only: wp, ip, ic, square_hi
  use fitcore_vectors, only: sum_squares
  implicit none (type, external)
  private
  public :: tall_block_rows, fold_work_size, triangle_safe

  !> From this many rows on, and this many times more rows than columns, a matrix is reduced to
  !> its triangle in one pass. Below, it stays in the cache and MINPACK's order of operations is
  !> kept.
  integer(ip), parameter :: tall_rows = 256, tall_ratio = 8

  !> The least sum of squares that a column of the result may have. Far above square_lo, below
  !> which a block's column counts as zero: what is dropped is 1e-46 of the column at the most.
  real(wp), parameter :: column_lo = 1.0e-200_wp

contains

  !> Doubles of scratch that a driver of fold_rows needs: triangle, block, sums, and what it takes
  !> to begin the block at a cache line, which is worth a third of the time.
  pure integer(ip) function fold_work_size(m, n) bind(c, name='fitcore_fold_work_size')
    integer(ip), intent(in), value :: m, n
    fold_work_size = n * n + (tall_block_rows(m, n) + 1) * (n + 1) + 8
  end function fold_work_size

  !> Rows per block for n columns, 0 for a matrix that is not tall. Block and right hand side
  !> fill about half of a 32 KB cache.
  pure integer(ip) function tall_block_rows(m, n) result(rows) &
      bind(c, name='fitcore_tall_block_rows')
    integer(ip), intent(in), value :: m, n
    rows = 0
    if (m < tall_rows .or. m < tall_ratio * n) return
    rows = max(64_ip, min(512_ip, 2048_ip / (n + 1)))
    rows = rows - modulo(rows, 16_ip)
  end function tall_block_rows

  !> Whether the squared norm of the k-th column r(k) of a triangle is far from both ends of the
  !> number range.
  pure logical function in_range(k, r)
    integer(ip), intent(in) :: k
    real(wp), intent(in) :: r(:, :)
    real(wp) :: ss

    ss = sum_squares(k, r(1:k, k))
    in_range = ss >= column_lo .and. ss <= square_hi
  end function in_range

  !> 1 when a triangle made by fold_rows can be trusted: no column of zeros or near the ends of
  !> the number range. Otherwise the matrix must be factored as a whole.
  pure integer(ic) function triangle_safe(n, r, qtb) bind(c, name='fitcore_triangle_safe')
    integer(ip), intent(in), value :: n
    real(wp), intent(in) :: r(n, n), qtb(n)
    integer(ip) :: k

    triangle_safe = merge(1_ic, 0_ic, sum_squares(n, qtb) <= square_hi)
    do k = 1, n
      if (.not. in_range(k, r)) triangle_safe = 0
    end do
  end function triangle_safe

end module fitcore_tall_qr
