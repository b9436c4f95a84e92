import {
  ActionIcon,
  Button,
  Checkbox,
  type CSSVariablesResolver,
  createTheme,
  Input,
  Menu,
  Modal,
  Popover,
  SegmentedControl,
  Select,
  Switch,
  Tabs,
  Tooltip,
} from '@mantine/core'
import classes from './theme.module.css'

const QUIET = {
  background: 'transparent',
  hover: 'var(--surface-hover)',
  color: 'var(--text-soft)',
  border: '1px solid transparent',
}

/** Buttons know three voices: the one thing to do, things to do, and things that can be done. */
const VARIANTS: Readonly<Record<string, typeof QUIET>> = {
  filled: {
    background: 'var(--accent-fill)',
    hover: 'var(--accent-fill-hover)',
    color: 'var(--on-accent)',
    border: '1px solid transparent',
  },
  default: {
    background: 'var(--surface-raised)',
    hover: 'var(--surface-hover)',
    color: 'var(--text)',
    border: '1px solid var(--line-strong)',
  },
}

/** Mantine with the window's own measure: small, square-ish, quiet. Colours come from tokens.css through the variables below. */
export const theme = createTheme({
  variantColorResolver: ({ variant }) => VARIANTS[variant] ?? QUIET,
  fontFamily: 'var(--font-sans)',
  fontFamilyMonospace: 'var(--font-mono)',
  defaultRadius: 5,
  fontSizes: { xs: '12px', sm: '13px', md: '13px', lg: '15px', xl: '18px' },
  respectReducedMotion: true,
  cursorType: 'default',
  components: {
    ActionIcon: ActionIcon.extend({
      defaultProps: { variant: 'subtle', size: 26 },
      classNames: { root: classes.quiet },
    }),
    Button: Button.extend({ defaultProps: { size: 'compact-sm' }, classNames: { root: classes.button } }),
    Checkbox: Checkbox.extend({ defaultProps: { size: 'xs' } }),
    Input: Input.extend({ defaultProps: { size: 'xs' }, classNames: { input: classes.input } }),
    Menu: Menu.extend({
      defaultProps: { transitionProps: { duration: 80 }, offset: 4 },
      classNames: { dropdown: classes.dropdown, item: classes.item, label: classes.label },
    }),
    Modal: Modal.extend({
      defaultProps: { transitionProps: { duration: 100 }, overlayProps: { backgroundOpacity: 0.35 } },
      classNames: { content: classes.dropdown, title: classes.title },
    }),
    Popover: Popover.extend({
      defaultProps: { transitionProps: { duration: 80 }, offset: 4 },
      classNames: { dropdown: classes.dropdown },
    }),
    SegmentedControl: SegmentedControl.extend({
      defaultProps: { size: 'xs' },
      classNames: { root: classes.segments, indicator: classes.segment, label: classes.segmentLabel },
    }),
    Select: Select.extend({
      defaultProps: { size: 'xs', allowDeselect: false, comboboxProps: { transitionProps: { duration: 80 } } },
      classNames: { dropdown: classes.dropdown, option: classes.item },
    }),
    Switch: Switch.extend({ defaultProps: { size: 'xs' } }),
    Tabs: Tabs.extend({ classNames: { tab: classes.tab } }),
    Tooltip: Tooltip.extend({
      defaultProps: { openDelay: 350, transitionProps: { duration: 80 }, withinPortal: true },
      classNames: { tooltip: classes.tooltip },
    }),
  },
})

/** Mantine's own variables, pointed at the tokens, which know light from dark themselves. */
export const cssVariables: CSSVariablesResolver = () => {
  const scheme = {
    '--mantine-color-body': 'var(--surface)',
    '--mantine-color-text': 'var(--text)',
    '--mantine-color-dimmed': 'var(--text-faint)',
    '--mantine-color-placeholder': 'var(--text-faint)',
    '--mantine-color-anchor': 'var(--accent)',
    '--mantine-color-error': 'var(--bad)',
    '--mantine-color-default': 'var(--surface-raised)',
    '--mantine-color-default-hover': 'var(--surface-hover)',
    '--mantine-color-default-color': 'var(--text)',
    '--mantine-color-default-border': 'var(--line-strong)',
    '--mantine-primary-color-filled': 'var(--accent-fill)',
    '--mantine-primary-color-filled-hover': 'var(--accent-fill-hover)',
    '--mantine-primary-color-contrast': 'var(--on-accent)',
    '--mantine-primary-color-light-color': 'var(--accent)',
    '--mantine-color-blue-filled': 'var(--accent-fill)',
    '--mantine-color-blue-outline': 'var(--accent)',
  }
  return { variables: {}, light: scheme, dark: scheme }
}
