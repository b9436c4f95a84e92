/** Files of a tokenizer or a processor, as transformers names them. */
export const TOKENIZER =
  /^(tokenizer.*\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt|spiece\.model|sentencepiece.*\.model|(video_|image_)?(pre)?processor_config\.json|chat_template\.(jinja|json))$/
