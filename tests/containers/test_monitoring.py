"""What the profile `monitoring` promises, as far as it is written down."""

from typing import Any

import yaml

from tests.containers.files import ROOT, listening_on, published, services

SERVICES = services()
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"


def scrape_jobs(name: str) -> dict[str, Any]:
    configuration = yaml.safe_load((PROMETHEUS / name).read_text())
    return {job["job_name"]: job for job in configuration["scrape_configs"]}


class TestMonitoring:
    def test_is_started_only_where_it_is_asked_for(self) -> None:
        profiles = {name: service.get("profiles") for name, service in SERVICES.items()}
        assert {name for name, asked in profiles.items() if asked == ["monitoring"]} == {
            "prometheus",
            "grafana",
        }

    def test_scrapes_the_ports_that_the_images_listen_on(self) -> None:
        for job in scrape_jobs("containers.yml").values():
            (found,) = job["dns_sd_configs"]
            (name,) = found["names"]
            assert {str(found["port"])} == listening_on(name)

    def test_scrapes_under_the_names_that_alerts_and_board_know(self) -> None:
        assert set(scrape_jobs("prometheus.yml")) < set(scrape_jobs("containers.yml"))

    def test_shows_the_board_that_is_mounted(self) -> None:
        provisioning = GRAFANA / "provisioning"
        (provider,) = yaml.safe_load((provisioning / "dashboards/semantic-bit.yml").read_text())[
            "providers"
        ]
        folder = provider["options"]["path"]
        assert (
            f"./deploy/grafana/semantic-bit.json:{folder}/semantic-bit.json:ro"
            in (SERVICES["grafana"]["volumes"])
        )

    def test_reads_the_prometheus_of_the_stack(self) -> None:
        file = GRAFANA / "provisioning" / "datasources" / "prometheus.yml"
        (source,) = yaml.safe_load(file.read_text())["datasources"]
        assert source["url"] == "http://prometheus:9090"
        assert published(SERVICES["prometheus"])[0].endswith(":9090")
