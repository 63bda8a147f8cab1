!> Where the corrections stand in memory.
!>
!> S and Y have m + 1 columns each, a ring: at most m hold corrections, and the next one holds the
!> search direction and the gradient at the iterate, which become s and y in their place. They are
!> cut into blocks of rows, w(ld, 2 (m + 1), blocks), so that a walk down the rows reads memory from
!> its beginning to its end, and a row lies within one block.
module fitcore_lb_layout
  use fitcore_kinds, only: wp, ip
  use fitcore_lb_types, only: lb_state
  implicit none (type, external)
  private
  public :: leading, blocks, block_of, row_of, ring, list_columns, work_size, iwork_size, fetch

  !> Rows of a block. Long enough for the processor to see where a column leads, and not a power of
  !> two, so that the columns of a block do not share cache sets.
  integer(ip), parameter :: block_rows = 4088

contains

  !> Rows of a block for n variables.
  pure integer(ip) function leading(n)
    integer(ip), intent(in) :: n
    leading = min(block_rows, 8 * ((n + 7) / 8))
  end function leading

  !> Blocks for n variables.
  pure integer(ip) function blocks(n)
    integer(ip), intent(in) :: n
    blocks = (n + leading(n) - 1) / leading(n)
  end function blocks

  !> Block of element k.
  pure integer(ip) function block_of(k, ld)
    integer(ip), intent(in) :: k, ld
    block_of = (k - 1) / ld + 1
  end function block_of

  !> Row of element k within its block.
  pure integer(ip) function row_of(k, ld)
    integer(ip), intent(in) :: k, ld
    row_of = k - (k - 1) / ld * ld
  end function row_of

  !> Column of S of the j-th oldest correction; of Y, m + 1 further. With j = col + 1 it is that of
  !> the search direction.
  pure integer(ip) function ring(head, j, m)
    integer(ip), intent(in) :: head, j, m
    ring = modulo(head - 2 + j, m + 1) + 1
  end function ring

  !> Columns of k corrections from the `first` oldest on: those of S, then those of Y.
  pure subroutine list_columns(m, head, first, k, which)
    integer(ip), intent(in) :: m, head, first, k
    integer(ip), intent(out) :: which(2 * k)
    integer(ip) :: j

    do j = 1, k
      which(j) = ring(head, first - 1 + j, m)
      which(k + j) = m + 1 + which(j)
    end do
  end subroutine list_columns

  !> Doubles of wa.
  pure integer(ip) function work_size(n, m) bind(c, name='fitcore_lb_work_size')
    integer(ip), intent(in), value :: n, m
    work_size = leading(n) * (2 * (m + 1) * blocks(n) + 5) + n + 11 * m * m + 18 * m
  end function work_size

  !> 64-bit integers of iwa.
  pure integer(ip) function iwork_size(m) bind(c, name='fitcore_lb_iwork_size')
    integer(ip), intent(in), value :: m
    iwork_size = 2 * m
  end function iwork_size

  !> A copy of column j of S (which = 0) or Y (1), from 1, the oldest first; column col + 1 holds the
  !> search direction and the gradient at the iterate while a line search goes on. which = 2: the
  !> iterate then.
  pure subroutine fetch(s, wa, which, j, a) bind(c, name='fitcore_lb_fetch')
    type(lb_state), intent(in) :: s
    real(wp), intent(in) :: wa(work_size(s%n, s%m))
    integer(ip), intent(in), value :: which, j
    real(wp), intent(out) :: a(s%n)
    integer(ip) :: ld, b, first, last, at

    ld = leading(s%n)
    if (which == 2) then
      at = ld * 2 * (s%m + 1) * blocks(s%n)
      a = wa(at + 1:at + s%n)
      return
    end if
    at = (ring(s%head, j, s%m) - 1 + which * (s%m + 1)) * ld
    do b = 1, blocks(s%n)
      first = (b - 1) * ld + 1
      last = min(s%n, b * ld)
      a(first:last) = wa(at + 1:at + 1 + last - first)
      at = at + ld * 2 * (s%m + 1)
    end do
  end subroutine fetch

end module fitcore_lb_layout
