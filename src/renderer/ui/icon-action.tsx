import { ActionIcon, type ActionIconProps, Tooltip } from '@mantine/core'
import type { ComponentPropsWithRef } from 'react'
import { Keys } from './keys'

interface IconActionProps extends ActionIconProps, Omit<ComponentPropsWithRef<'button'>, keyof ActionIconProps> {
  label: string
  keys?: string
}

/** A button that is only a picture, named for those who cannot see it and on hover for those who can. */
export function IconAction({ label, keys, children, ...rest }: IconActionProps) {
  return (
    <Tooltip
      label={
        <>
          {label} {keys && <Keys keys={keys} />}
        </>
      }
    >
      <ActionIcon aria-label={label} {...rest}>
        {children}
      </ActionIcon>
    </Tooltip>
  )
}
