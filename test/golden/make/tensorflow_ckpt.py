"""Case tf-bundle: what tf.train.Checkpoint writes. By itself, in an environment with tensorflow-cpu 2.21 beside torch and numpy."""
import numpy as np, tensorflow as tf, torch
from common import data, entry, parts, truth, versions


def as_entry(name, array):
    if array.dtype == tf.bfloat16.as_numpy_dtype: return entry(name, torch.from_numpy(array.view(np.int16)).view(torch.bfloat16))
    return entry(name, torch.from_numpy(np.array(array)))


tf.random.set_seed(1)
model = tf.Module()
values = {"kernel": tf.random.normal([4, 8]), "half": tf.cast(tf.random.normal([3, 5]), tf.bfloat16), "f16": tf.cast(tf.random.normal([2]), tf.float16),
          "ids": tf.constant([1, -2, 3], tf.int64), "flag": tf.constant([True, False]), "double": tf.random.normal([2, 2], dtype=tf.float64), "text": tf.constant("abc")}
for name, value in values.items(): setattr(model, name, tf.Variable(value))
model.many = [tf.Variable(tf.fill([3], float(i))) for i in range(120)]
d = data("tf-bundle")
path = tf.train.Checkpoint(model=model).save(f"{d}/ck")
reader = tf.train.load_checkpoint(path)
tens = [as_entry(n, np.asarray(reader.get_tensor(n))) for n in sorted(reader.get_variable_to_shape_map()) if reader.get_variable_to_dtype_map()[n] != tf.string]
truth("tf-bundle", "tf.train.Checkpoint of variables of several types", {**versions("tensorflow_cpu"), "numpy": np.__version__}, "folder", "data", "partial",
      parts(weights="present", optimizer="missing", scheduler="missing", rng="missing"), tens=tens)
