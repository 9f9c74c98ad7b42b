"""Plays the `run` steps of a GitHub Actions workflow as a runner does: bash -e for each, with its variables; expressions are
looked up in a JSON file {"vars": {...}, "secrets": {...}}. Steps that `use` an action are the caller's business.

    play_workflow.py WORKFLOW CONTEXT     in the directory of the checkout"""
import json
import os
import re
import subprocess
import sys

import yaml


def expand(text, context):
    def value(match):
        section, name = match.group(1).split('.')
        return context[section][name]
    return re.sub(r'\$\{\{\s*([\w.]+)\s*\}\}', value, str(text))


def main():
    with open(sys.argv[1]) as file:
        workflow = yaml.safe_load(file)
    with open(sys.argv[2]) as file:
        context = json.load(file)
    shared = {name: expand(text, context) for name, text in workflow.get('env', {}).items()}
    for job in workflow['jobs'].values():
        for step in job['steps']:
            if 'run' not in step:
                continue
            print(f"--- {step['name']}", flush=True)
            own = {name: expand(text, context) for name, text in step.get('env', {}).items()}
            done = subprocess.run(['bash', '-e', '-c', expand(step['run'], context)], env={**os.environ, **shared, **own})
            if done.returncode != 0:
                print(f"--- {step['name']}: exit code {done.returncode}", flush=True)
                return done.returncode
    return 0


sys.exit(main())
