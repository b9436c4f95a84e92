import { type InfiniteData, useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'
import type { OpenedCheckpoint } from '../../contract/contract'
import type { TensorRow } from '../../contract/schemas'
import { useApi } from './context'
import { type Problem, problemOf } from './problem'

const PAGE = 5000

export interface TensorRows {
  /** In the checkpoint's order: the first page as soon as it is there, then, all at once, everything. */
  readonly rows: readonly TensorRow[]
  readonly complete: boolean
  readonly problem: Problem | undefined
  retry(): void
}

/** All tensors of the open checkpoint, page after page: the first is there at once, the last when it is. */
export function useTensorRows(checkpoint: OpenedCheckpoint): TensorRows {
  const { client } = useApi()
  const { id, tensorCount } = checkpoint
  const query = useInfiniteQuery<Page, Error, InfiniteData<Page, number>, [string, string], number>({
    queryKey: ['tensors', id],
    queryFn: ({ pageParam, signal }) => client.tensors({ id, offset: pageParam, limit: PAGE }, { signal }),
    initialPageParam: 0,
    getNextPageParam: (last, _all, offset) => {
      const next = offset + last.rows.length
      return last.rows.length > 0 && next < last.total ? next : undefined
    },
    enabled: tensorCount > 0,
  })
  const { hasNextPage, isFetching, isError, fetchNextPage } = query
  useEffect(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage()
  }, [hasNextPage, isFetching, isError, fetchNextPage])
  const pages = query.data?.pages
  const complete = tensorCount === 0 || (query.isSuccess && !hasNextPage)
  const ready = complete ? pages : undefined
  const first = pages?.[0]
  // Whatever sorts and groups the rows does so twice, and not once for each page.
  const rows = useMemo(() => ready?.flatMap((page) => page.rows) ?? first?.rows ?? [], [ready, first])
  return {
    rows,
    complete,
    problem: query.error ? problemOf(query.error) : undefined,
    retry: () => void (pages ? fetchNextPage() : query.refetch()),
  }
}

interface Page {
  total: number
  rows: TensorRow[]
}
