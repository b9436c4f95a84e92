class Progress:
    """What most scripts register: their count of steps."""

    def __init__(self):
        self.step = 0

    def state_dict(self):
        return {"global_step": self.step}

    def load_state_dict(self, state):
        self.step = state["global_step"]
