!> The kernels of kernels.inc, as the solver is given them for the processor at hand.
module fitcore_lb_kernels
  use fitcore_kinds, only: wp, ip
  use, intrinsic :: iso_c_binding, only: c_funptr, c_f_procpointer
  implicit none (type, external)
  private
  public :: from_c

  integer(ip), parameter, public :: chunk_rows = 504  !< rows that are looked at one by one together

  abstract interface
    pure subroutine products(rows, ld, ncol, which, block, nvec, vecs, sums) bind(c)
      import :: wp, ip
      implicit none (type, external)
      integer(ip), intent(in), value :: rows, ld, ncol, nvec
      integer(ip), intent(in) :: which(ncol)
      real(wp), intent(in) :: block(ld, *), vecs(ld, nvec)
      real(wp), intent(inout) :: sums(4, ncol)
    end subroutine products

    pure subroutine combine(rows, ld, ncol, which, block, coef, part) bind(c)
      import :: wp, ip
      implicit none (type, external)
      integer(ip), intent(in), value :: rows, ld, ncol
      integer(ip), intent(in) :: which(ncol)
      real(wp), intent(in) :: block(ld, *), coef(ncol)
      real(wp), intent(inout) :: part(ld)
    end subroutine combine

    pure subroutine look(rows, x, l, u, g, v, held, size, breaks, meets, open, at, zero) bind(c)
      import :: wp, ip
      implicit none (type, external)
      integer(ip), intent(in), value :: rows
      real(wp), intent(in) :: x(rows), l(rows), u(rows), g(rows)
      real(wp), intent(out), dimension(rows) :: v, held, size, breaks, meets, open, at, zero
    end subroutine look

    pure subroutine land(rows, theta, length, l, u, g, part, free, x, t, d, reach, met) bind(c)
      import :: wp, ip
      implicit none (type, external)
      integer(ip), intent(in), value :: rows
      real(wp), intent(in), value :: theta, length
      real(wp), intent(in), dimension(rows) :: l, u, g, part, free
      real(wp), intent(inout) :: x(rows)
      real(wp), intent(out), dimension(rows) :: t, d, reach, met
    end subroutine land
  end interface

  type, public :: kernels
    procedure(products), pointer, nopass :: products => null()
    procedure(combine), pointer, nopass :: combine => null()
    procedure(look), pointer, nopass :: look => null()
    procedure(land), pointer, nopass :: land => null()
  end type kernels

  !> As C has them, fitcore_lb_kernels.
  type, bind(c), public :: kernel_table
    type(c_funptr) :: products, combine, look, land
  end type kernel_table

contains

  subroutine from_c(table, k)
    type(kernel_table), intent(in) :: table
    type(kernels), intent(out) :: k
    call c_f_procpointer(table%products, k%products)
    call c_f_procpointer(table%combine, k%combine)
    call c_f_procpointer(table%look, k%look)
    call c_f_procpointer(table%land, k%land)
  end subroutine from_c

end module fitcore_lb_kernels
