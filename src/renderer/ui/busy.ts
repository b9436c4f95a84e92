/**
 * A button while what it set going lasts: it does nothing, and says so, but stays where the keyboard is. One that is disabled loses
 * the focus, and whoever has no mouse begins at the top of the window again.
 */
export function busy(isBusy: boolean, onClick: () => void) {
  return isBusy ? { 'aria-disabled': true, 'data-disabled': true, onClick: () => undefined } : { onClick }
}
