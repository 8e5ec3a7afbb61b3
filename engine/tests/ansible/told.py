"""A callback plugin of Ansible's that tells a run the way main.rs tells one of nebplay's.

ANSIBLE_CALLBACK_PLUGINS=. ANSIBLE_STDOUT_CALLBACK=told ansible-playbook -f 1 -i cases/hosts.ini cases/NAME.yml
"""

import json

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: told
type: stdout
short_description: a run as lines
description: plays, tasks and how they ended on each host
"""


# Tasks that are told by what comes of them.
QUIET = ("include_role", "include_tasks", "ansible.builtin.include_role", "meta")


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "told"

    def v2_playbook_on_play_start(self, play):
        print(f"play {play.get_name()}")

    def v2_playbook_on_task_start(self, task, is_conditional):
        if task.action != "meta":
            print(f"task {task.get_name()}")

    def v2_playbook_on_handler_task_start(self, task):
        if task.action != "meta":
            print(f"handler {task.get_name()}")

    def _ended(self, result, status):
        values = result._result
        # Of a loop, its items were told.
        if not values.get("results") and result._task.action not in QUIET:
            self._line(result, status)

    def _line(self, result, status):
        values = result._result
        item = ""
        variable = values.get("ansible_loop_var", "item")
        if variable in values and "_ansible_item_label" in values:
            label = values["_ansible_item_label"]
            item = " item=" + (label if isinstance(label, str) else compact(label))
        said = ""
        # What is said of a failure differs in words; what `fail` says is its author's.
        if result._task.action == "debug" and status == "ok" or result._task.action == "fail" and status != "skipped":
            said = " " + compact(values["msg"])
        print(f"  {result._host.get_name()} {status}{item}{said}")

    def _status(self, result):
        return "changed" if result._result.get("changed") else "ok"

    def v2_runner_on_ok(self, result):
        self._ended(result, self._status(result))

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._ended(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result):
        if result._task.action == "meta":
            return
        if not result._result.get("results"):
            self._line(result, "skipped")

    def v2_runner_on_unreachable(self, result):
        self._ended(result, "unreachable")

    def v2_runner_item_on_ok(self, result):
        if result._task.action not in QUIET:
            self._line(result, self._status(result))

    def v2_runner_item_on_failed(self, result):
        self._line(result, "failed")

    def v2_runner_item_on_skipped(self, result):
        if result._task.action not in QUIET:
            self._line(result, "skipped")

    def v2_playbook_on_stats(self, stats):
        print("recap")
        for host in sorted(stats.processed):
            counts = stats.summarize(host)
            words = [
                ("ok", counts["ok"]),
                ("changed", counts["changed"]),
                ("unreachable", counts["unreachable"]),
                ("failed", counts["failures"]),
                ("skipped", counts["skipped"]),
                ("rescued", counts["rescued"]),
                ("ignored", counts["ignored"]),
            ]
            print(f"  {host} " + " ".join(f"{name}={count}" for name, count in words))
