import type { Blueprint } from './blueprint'
import type { Config } from './config'
import { embedding, linear, norm, optional, type Parameter, parameter, stack } from './parameter'

function bertLayers(c: Config): Parameter[] {
  const hidden = c.size('hidden_size')
  const ffn = c.size('intermediate_size')
  // Cross attention, which only decoders have, is not drawn here.
  if (c.flag('add_cross_attention', false)) c.untold = true
  return stack('encoder.layer', c.count('num_hidden_layers'), (at) => [
    ...linear(`${at}.attention.self.query`, hidden, hidden),
    ...linear(`${at}.attention.self.key`, hidden, hidden),
    ...linear(`${at}.attention.self.value`, hidden, hidden),
    ...linear(`${at}.attention.output.dense`, hidden, hidden),
    ...norm(`${at}.attention.output.LayerNorm`, hidden),
    ...linear(`${at}.intermediate.dense`, ffn, hidden),
    ...linear(`${at}.output.dense`, hidden, ffn),
    ...norm(`${at}.output.LayerNorm`, hidden),
  ])
}

const bertEmbeddings = (c: Config) => ({
  words: embedding('embeddings.word_embeddings', c.size('vocab_size'), c.size('hidden_size')),
  positions: embedding('embeddings.position_embeddings', c.size('max_position_embeddings'), c.size('hidden_size')),
  types: embedding('embeddings.token_type_embeddings', c.size('type_vocab_size'), c.size('hidden_size')),
  norm: norm('embeddings.LayerNorm', c.size('hidden_size')),
})

/** Some heads build the body without it, and so may anybody (`add_pooling_layer=False`). */
const pooler = (c: Config) => optional(linear('pooler.dense', c.size('hidden_size'), c.size('hidden_size')))

const classifier = (c: Config) => linear('classifier', c.labels(), c.size('hidden_size'))
const answers = (c: Config) => linear('qa_outputs', c.labels(), c.size('hidden_size'))

/** The weight is tied to the embedding, the bias to one of another name: which of two is written differs by version. */
function predictions(c: Config): Parameter[] {
  const hidden = c.size('hidden_size')
  const [weight, bias] = linear('cls.predictions.decoder', c.size('vocab_size'), hidden) as [Parameter, Parameter]
  return [
    ...optional([parameter('cls.predictions.bias', c.size('vocab_size'))]),
    ...linear('cls.predictions.transform.dense', hidden, hidden),
    ...norm('cls.predictions.transform.LayerNorm', hidden),
    ...(c.untied ? [weight] : optional([weight])),
    ...optional([bias]),
  ]
}

/** transformers 5.18, modeling_bert.py. */
export const bert: Blueprint = {
  types: ['bert'],
  prefix: 'bert.',
  body: (c) => {
    const { words, positions, types, norm } = bertEmbeddings(c)
    return [...words, ...positions, ...types, ...norm, ...bertLayers(c), ...pooler(c)]
  },
  heads: {
    ForMaskedLM: predictions,
    ForPreTraining: (c) => [...predictions(c), ...linear('cls.seq_relationship', 2, c.size('hidden_size'))],
    ForSequenceClassification: classifier,
    ForTokenClassification: classifier,
    ForMultipleChoice: (c) => linear('classifier', 1, c.size('hidden_size')),
    ForQuestionAnswering: answers,
  },
}

/** modeling_roberta.py and those copied from it. */
export const roberta: Blueprint = {
  types: ['roberta', 'xlm-roberta', 'camembert'],
  prefix: 'roberta.',
  body: (c) => {
    const { words, positions, types, norm } = bertEmbeddings(c)
    return [...words, ...types, ...norm, ...positions, ...bertLayers(c), ...pooler(c)]
  },
  heads: {
    ForMaskedLM: (c) => {
      const hidden = c.size('hidden_size')
      const [weight, bias] = linear('lm_head.decoder', c.size('vocab_size'), hidden) as [Parameter, Parameter]
      return [
        ...optional([parameter('lm_head.bias', c.size('vocab_size'))]),
        ...linear('lm_head.dense', hidden, hidden),
        ...norm('lm_head.layer_norm', hidden),
        ...(c.untied ? [weight] : optional([weight])),
        ...optional([bias]),
      ]
    },
    ForSequenceClassification: (c) => [
      ...linear('classifier.dense', c.size('hidden_size'), c.size('hidden_size')),
      ...linear('classifier.out_proj', c.labels(), c.size('hidden_size')),
    ],
    ForTokenClassification: classifier,
    ForQuestionAnswering: answers,
  },
}

/** modeling_distilbert.py. */
export const distilbert: Blueprint = {
  types: ['distilbert'],
  prefix: 'distilbert.',
  body: (c) => {
    const hidden = c.size('dim')
    const ffn = c.size('hidden_dim')
    return [
      ...embedding('embeddings.word_embeddings', c.size('vocab_size'), hidden),
      ...embedding('embeddings.position_embeddings', c.size('max_position_embeddings'), hidden),
      ...norm('embeddings.LayerNorm', hidden),
      ...stack('transformer.layer', c.count('n_layers'), (at) => [
        ...linear(`${at}.attention.q_lin`, hidden, hidden),
        ...linear(`${at}.attention.k_lin`, hidden, hidden),
        ...linear(`${at}.attention.v_lin`, hidden, hidden),
        ...linear(`${at}.attention.out_lin`, hidden, hidden),
        ...norm(`${at}.sa_layer_norm`, hidden),
        ...linear(`${at}.ffn.lin1`, ffn, hidden),
        ...linear(`${at}.ffn.lin2`, hidden, ffn),
        ...norm(`${at}.output_layer_norm`, hidden),
      ]),
    ]
  },
  heads: {
    ForMaskedLM: (c) => {
      const vocab = c.size('vocab_size')
      const [weight, bias] = linear('vocab_projector', vocab, c.size('dim')) as [Parameter, Parameter]
      return [
        ...linear('vocab_transform', c.size('dim'), c.size('dim')),
        ...norm('vocab_layer_norm', c.size('dim')),
        ...(c.untied ? [weight] : optional([weight])),
        bias,
      ]
    },
    ForSequenceClassification: (c) => [
      ...linear('pre_classifier', c.size('dim'), c.size('dim')),
      ...linear('classifier', c.labels(), c.size('dim')),
    ],
    ForTokenClassification: (c) => linear('classifier', c.labels(), c.size('dim')),
    ForQuestionAnswering: (c) => linear('qa_outputs', c.labels(), c.size('dim')),
  },
}
