"""The hook that writes checkpoints and removes old ones."""

import os
import re
import shutil
from collections import deque
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook as MMEngineCheckpointHook

from pyskl.engine.run_record import CHECKPOINT, RunRecord
from pyskl.files import replacing, write_text
from pyskl.registry import HOOKS

INTERRUPTED = 'interrupted.pth'


@HOOKS.register_module(force=True)
class CheckpointHook(MMEngineCheckpointHook):
    """mmengine's hook with safe removal: a checkpoint is removed only after its successor is complete, and only if the
    record of its folder says that this run wrote it. Paths in a resumed file are not trusted.
    """

    record: RunRecord

    def before_train(self, runner) -> None:
        """Restore the list of checkpoints and the best score of a resumed run."""
        self.out_dir = str(runner.checkpoint_folder)
        self.by_epoch = True
        self.file_backend = None
        if is_main_process():
            os.makedirs(self.out_dir, exist_ok=True)
        self.record = runner.checkpoint_record
        self.keep_ckpt_ids = deque(self._resumed_ids(runner) if self.max_keep_ckpts > 0 else [])
        if self.save_best is not None:
            for key in self.key_indicators:
                self._set_best(key, self._resumed_best(runner, key))

    def _info(self, key: str) -> tuple[str, str]:
        """Return the message hub names of the best score of ``key`` and of its file."""
        suffix = '' if len(self.key_indicators) == 1 else f'_{key}'
        return f'best_score{suffix}', f'best_ckpt{suffix}'

    def _set_best(self, key: str, path: str | None) -> None:
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[key] = path

    def _resumed_ids(self, runner) -> list[int]:
        ids = runner.message_hub.runtime_info.get('keep_ckpt_ids', [])
        return [step for step in ids if (Path(self.out_dir) / self.filename_tmpl.format(step)).is_file()]

    def _resumed_best(self, runner, key: str) -> str | None:
        """Return the best checkpoint so far, in this run's folder; copy it if the run began in another folder."""
        score_name, file_name = self._info(key)
        info = runner.message_hub.runtime_info
        name = os.path.basename(str(info.get(file_name, '')))
        if not CHECKPOINT.fullmatch(name) or not name.startswith('best_'):
            info.pop(score_name, None), info.pop(file_name, None)
            return None
        path = Path(self.out_dir) / name
        source = Path(runner.resumed_from).parent / name if runner.resumed_from else path
        if is_main_process() and not path.exists() and source.is_file():
            runner.begin_files()
            self.record.add(name)
            with source.open('rb') as old, replacing(path) as new:
                shutil.copyfileobj(old, new)
            epoch = re.search(r'_epoch_(\d+)\.pth', name)
            runner.record.update(
                best={
                    'metric': key,
                    'value': info.get(score_name),
                    'epoch': int(epoch[1]) if epoch else 0,
                    'file': name,
                }
            )
            runner.logger.info(f'copied the best checkpoint so far: {source}')
        runner.wait_for_all()
        if not path.is_file():
            runner.logger.warning(f'the best checkpoint so far, {name}, is missing; the next validation sets a new one')
            info.pop(score_name, None), info.pop(file_name, None)
            return None
        info[file_name] = str(path)
        return str(path)

    def _remove(self, names: list[str]) -> None:
        if is_main_process() and names:
            self.record.remove(list(names))
            self.record.update(remove=[])

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        """Write the checkpoint of ``step``, then remove the oldest ones beyond ``max_keep_ckpts``."""
        self._remove_after_save(runner, step, meta, [])

    def _remove_after_save(self, runner, step: int, meta: dict, obsolete: list[str]) -> None:
        obsolete = [*obsolete, INTERRUPTED]
        if self.max_keep_ckpts > 0:
            if not self.keep_ckpt_ids or self.keep_ckpt_ids[-1] != step:
                self.keep_ckpt_ids.append(step)
            while len(self.keep_ckpt_ids) > self.max_keep_ckpts:
                obsolete.append(self.filename_tmpl.format(self.keep_ckpt_ids.popleft()))
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        filename = self.filename_tmpl.format(step)
        self.last_ckpt = os.path.join(self.out_dir, filename)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        if is_main_process():
            self.record.update(remove=[name for name in obsolete if self.record.owns(name)])
        runner.save_checkpoint(
            self.out_dir,
            filename,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=True,
            **self.args,
        )
        if is_main_process():
            runner.record.add('last_checkpoint')
            write_text(os.path.join(runner.work_dir, 'last_checkpoint'), self.last_ckpt)
            self._remove(self.record.content.get('remove', []))

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        """Write a new best, record it in the epoch's checkpoint, then remove the previous best."""
        if not self.save_best:
            return
        if 'auto' in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
            self._set_best(self.key_indicators[0], None)
        epoch, info = runner.epoch, runner.message_hub
        meta = {'epoch': epoch, 'iter': runner.iter}
        obsolete = []
        improved = False
        for key, rule in zip(self.key_indicators, self.rules, strict=True):
            score_name, file_name = self._info(key)
            score = metrics.get(key)
            best = info.runtime_info.get(score_name, self.init_value_map[rule])
            if score is None or not self.is_better_than[key](score, best):
                continue
            improved = True
            previous = self.best_ckpt_path if len(self.key_indicators) == 1 else self.best_ckpt_path_dict[key]
            name = f'best_{key}_{self.filename_tmpl.format(epoch)}'.replace('/', '_')
            if previous and os.path.basename(previous) != name:
                obsolete.append(os.path.basename(previous))
            self._set_best(key, os.path.join(self.out_dir, name))
            info.update_info(score_name, score)
            info.update_info(file_name, os.path.join(self.out_dir, name))
            runner.save_checkpoint(
                self.out_dir, name, save_optimizer=False, save_param_scheduler=False, meta=meta, by_epoch=False
            )
            if is_main_process():
                runner.record.update(best={'metric': key, 'value': score, 'epoch': epoch, 'file': name})
            runner.logger.info(f'best {key} so far: {score:.4f} after epoch {epoch}, saved as {name}')
        if not improved:
            return
        if self.last_ckpt is not None and os.path.basename(self.last_ckpt) == self.filename_tmpl.format(epoch):
            # Save again, so that a resumed run finds its best checkpoint.
            self._remove_after_save(runner, epoch, meta, obsolete)
        else:
            self._remove(obsolete)
