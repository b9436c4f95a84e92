import { Slider } from '@mantine/core'
import classes from './training-view.module.css'

/** How much of what came before weighs in each value of a smoothed line. */
export function Smoothing({ weight, onChange }: { weight: number; onChange: (weight: number) => void }) {
  return (
    <span className={classes.control}>
      Smoothing
      <Slider
        value={weight}
        onChange={onChange}
        min={0}
        max={0.99}
        step={0.01}
        w={110}
        size={3}
        label={(value) => value.toFixed(2)}
        thumbLabel="Smoothing"
      />
    </span>
  )
}
