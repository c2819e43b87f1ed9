# CPU:  docker build --tag limr .
# CUDA: docker build --tag limr:cuda --build-arg TORCH_INDEX=https://pypi.org/simple .
#       (PyPI's own Linux build of torch carries CUDA); then `docker run --gpus all ...`
# Run:  docker run --rm --volume limr:/home/limr limr fit --config experiments/quickstart.yaml
#       (the volume starts as the image's /home/limr and keeps runs, mlflow.db and caches)
# Checked by hadolint and by running its pip steps; the image itself has not been built yet.
ARG PYTHON_VERSION=3.11
FROM python:${PYTHON_VERSION}-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1

# torch in a layer of its own: it is most of the image and changes least
COPY constraints.txt /tmp/
RUN pip install --constraint /tmp/constraints.txt --extra-index-url "${TORCH_INDEX}" torch

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY limr limr
COPY evaluators evaluators
RUN pip install --constraint /tmp/constraints.txt --extra-index-url "${TORCH_INDEX}" \
    ".[gguf,reasoning-gym]"

RUN useradd --uid 1000 --create-home limr
WORKDIR /home/limr
COPY experiments experiments
ENV HOME=/home/limr
USER 1000
ENTRYPOINT ["limr"]
CMD ["--help"]
