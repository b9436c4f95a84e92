import type { ComponentPropsWithRef, ReactNode } from 'react'
import classes from './tag.module.css'

export type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'info' | 'accent'

interface TagProps extends ComponentPropsWithRef<'span'> {
  tone?: Tone
  icon?: ReactNode
}

/** A short word with a tint. Says with text what it says with colour. */
export function Tag({ tone = 'neutral', icon, children, ...rest }: TagProps) {
  return (
    <span className={classes.tag} data-tone={tone} {...rest}>
      {icon}
      {children}
    </span>
  )
}
