import { IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { IconAction } from '../../ui/icon-action'
import { SafeText } from '../../ui/safe-text'
import classes from './tensor-article.module.css'

interface TensorArticleProps {
  name: string
  /** One line: shape, dtype and the like. */
  kind: ReactNode
  testId: string
  onClose: () => void
  children: ReactNode
}

/** What there is to say of one tensor, in the pane at the side. */
export function TensorArticle({ name, kind, testId, onClose, children }: TensorArticleProps) {
  return (
    <article className={classes.article} data-testid={testId} data-name={name}>
      <header className={classes.head}>
        <h2>
          <SafeText>{name}</SafeText>
        </h2>
        <IconAction label="Close" size={22} onClick={onClose}>
          <IconX size={14} />
        </IconAction>
      </header>
      <p className={classes.kind}>{kind}</p>
      {children}
    </article>
  )
}
