import { createSpotlight } from '@mantine/spotlight'

/** Two palettes: one finds commands, one finds tensors. */
export const [paletteStore, palette] = createSpotlight()
export const [tensorStore, tensorPalette] = createSpotlight()
