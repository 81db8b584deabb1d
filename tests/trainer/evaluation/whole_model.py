"""What a model says that lies whole on one device, as a run's ranks say it together."""

import torch
from torch import Tensor

from gristmill.trainer.evaluation.evaluate import Losses
from gristmill.trainer.evaluation.generate import NextIds
from gristmill.trainer.model.model import Model, plain_order


def model_losses(model: Model) -> Losses:
    """Return the losses of a model that lies whole on one device."""

    @torch.no_grad()
    def losses(*rows: Tensor) -> Tensor:
        device = model.lm_head.weight.device
        tokens_BT, positions_BT, documents_BT, targets_BT = (part.to(device) for part in rows)
        order_T = plain_order(tokens_BT)
        losses_BT: Tensor = model(tokens_BT, positions_BT, documents_BT, order_T, targets_BT)
        return losses_BT

    return losses


def model_next_ids(model: Model) -> NextIds:
    """Return the choice of a model that lies whole on one device."""

    @torch.no_grad()
    def next_ids(*rows: Tensor) -> Tensor:
        device = model.lm_head.weight.device
        tokens_BT, positions_BT, documents_BT, last_B = (part.to(device) for part in rows)
        order_T = plain_order(tokens_BT)
        logits_BV: Tensor = model(tokens_BT, positions_BT, documents_BT, order_T, last_B=last_B)
        return logits_BV.argmax(-1)

    return next_ids
