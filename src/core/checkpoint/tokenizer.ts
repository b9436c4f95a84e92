/**
 * Files of a tokenizer or a processor, as transformers 5.18 names them: `tokenization_utils_base.py`, `utils/__init__.py`, and the
 * `VOCAB_FILES_NAMES` of its models; `*.tiktoken` of Qwen and `tekken.json` of Mistral.
 */
export const TOKENIZER =
  /^((audio_)?tokenizer.*\.json|tokenizer\.model(\.v\d+)?|special_tokens_map\.json|added_tokens\.json|((entity_|source_|target_)?vocab|vocab-(src|tgt))\.json|vocab\.(txt|bpe)|merges\.txt|bpe\.codes|[\w-]+\.tiktoken|tekken\.json|(spiece|spm|spm_char|sentencepiece.*)\.model|(source|target)\.spm|byte_maps\.json|word_(shape|pronunciation)\.json|normalizer\.json|(video_|image_)?(pre)?processor_config\.json|chat_template\.(jinja|json))$/
