!> The triangle of a tall matrix in one pass over memory.
!>
!> A matrix with many more rows than columns is read once, in blocks of rows that stay in the
!> first-level cache; a kernel folds each block into the triangle R by Householder reflections of
!> [R; block] (Golub, Van Loan, Matrix Computations, 5.1.7; Demmel, Grigori, Hoemmen, Langou 2012,
!> SIAM J. Sci. Comput. 34(1), the sequential TSQR). As stable as Householder QR of the whole.
!> Pivoting is done afterwards on the n by n triangle: its columns have the norms and the inner
!> products of the columns of A, so the same columns are chosen.
module fitcore_tall_qr
  use fitcore_kinds, only: wp, ip, ic, square_hi
  use fitcore_vectors, only: sum_squares
  use, intrinsic :: iso_c_binding, only: c_funptr, c_f_procpointer
  implicit none (type, external)
  private
  public :: tall_block_rows, fold_work_size, reduce_tall, fold_rows, column_lo

  !> From this many rows on, and this many times more rows than columns, a matrix is reduced to
  !> its triangle in one pass. Below, it stays in the cache and MINPACK's order of operations is
  !> kept.
  integer(ip), parameter :: tall_rows = 256, tall_ratio = 8

  !> The least sum of squares that a column of the result may have. Far above square_lo, below
  !> which a block's column counts as zero: what is dropped is 1e-46 of the column at the most.
  real(wp), parameter :: column_lo = 1.0e-200_wp

  abstract interface
    !> See fold_rows.inc.
    subroutine fold_rows(rows, n, nb, block, r, qtb, sums) bind(c)
      import :: wp, ip
      implicit none (type, external)
      integer(ip), intent(in), value :: rows, n, nb
      real(wp), intent(inout) :: block(*)
      real(wp), intent(inout) :: r(*), qtb(*)
      real(wp), intent(out) :: sums(*)
    end subroutine fold_rows
  end interface

contains

  !> Doubles of scratch for reduce_tall: block, triangle, sums, and what it takes to begin the block
  !> at a cache line, which is worth a third of the time.
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

  !> Whether a triangle made by folding can be trusted: no column of zeros or near the ends of the
  !> number range. Otherwise the matrix must be factored as a whole.
  pure logical function trusted(n, r, qtb)
    integer(ip), intent(in) :: n
    real(wp), intent(in) :: r(n, n), qtb(n)
    integer(ip) :: k

    trusted = sum_squares(n, qtb) <= square_hi
    do k = 1, n
      trusted = trusted .and. in_range(k, r)
    end do
  end function trusted

  !> Replace a tall Jacobian by its triangle, and give the first n elements of Q^T f.
  !>
  !> Returns 1, with the triangle in the upper triangle of fjac; or 0, with the whole Jacobian in
  !> fjac, when its size would have cost digits. (Not pure: it calls through a procedure pointer.)
  function reduce_tall(m, n, fjac, fvec, differences, h, separate, last, qtf, kernel, work) &
      result(reduced) bind(c, name='fitcore_reduce_tall')
    integer(ip), intent(in), value :: m, n
    real(wp), intent(inout) :: fjac(m, n)           !< the Jacobian, or what it is made from
    real(wp), intent(in) :: fvec(m)                 !< residuals f
    integer(ic), intent(in), value :: differences   !< 1: the columns of fjac are residuals yet, and
                                                    !< column j of J is (fjac(:, j) - fvec) / h(j)
    real(wp), intent(in) :: h(*)                    !< steps, read when `differences` is 1
    integer(ic), intent(in), value :: separate      !< 1: the last column is in `last`, not in fjac
    real(wp), intent(in) :: last(*)                 !< shape m, read when `separate` is 1
    real(wp), intent(inout) :: qtf(n)
    type(c_funptr), intent(in), value :: kernel     !< one of the fold_rows
    real(wp), intent(inout) :: work(fold_work_size(m, n))  !< best at the start of a cache line
    integer(ic) :: reduced
    procedure(fold_rows), pointer :: fold
    integer(ip) :: nb, r, sums, first, rows, j

    call c_f_procpointer(kernel, fold)
    nb = tall_block_rows(m, n)
    r = nb * (n + 1) + 1
    sums = r + n * n
    work(r:sums - 1) = 0
    qtf = 0
    do first = 1, m, nb
      rows = min(nb, m - first + 1)
      do j = 1, n
        associate (block => work((j - 1) * nb + 1:(j - 1) * nb + rows))
          if (separate == 1 .and. j == n) then
            block = last(first:first + rows - 1)
          else
            block = fjac(first:first + rows - 1, j)
          end if
          ! the division by h is left to the triangle
          if (differences == 1) block = block - fvec(first:first + rows - 1)
        end associate
      end do
      work(n * nb + 1:n * nb + rows) = fvec(first:first + rows - 1)
      call fold(rows, n, nb, work, work(r), qtf, work(sums))
    end do

    reduced = merge(1_ic, 0_ic, trusted(n, work(r), qtf))
    if (reduced == 1) then
      do j = 1, n
        fjac(1:j, j) = work(r + (j - 1) * n:r + (j - 1) * n + j - 1)
        if (differences == 1) fjac(1:j, j) = fjac(1:j, j) / h(j)
      end do
    else
      if (separate == 1) fjac(:, n) = last(1:m)
      do j = 1, n
        if (differences == 1) fjac(:, j) = (fjac(:, j) - fvec) / h(j)
      end do
    end if
  end function reduce_tall

end module fitcore_tall_qr
