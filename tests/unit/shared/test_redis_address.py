from pathlib import Path

import pytest
from fakeredis import FakeRedis
from kombu.exceptions import OperationalError
from kombu.utils.url import parse_url

from shared.job_queue import JobQueue, create_celery
from shared.redis_address import SentinelAddress, check_redis_url, place_of, verified
from shared.redis_client import connect
from tests.support.builders import queued_job
from tests.support.redis_setups import running_tls_redis

THREE = "sentinel://me:p%40ss@one:26380,two,[::1]:26381/jobs/3?sentinel_password=s%26cret"


class TestSentinelAddress:
    def test_has_everything_that_the_url_says(self) -> None:
        assert SentinelAddress.of(THREE) == SentinelAddress(
            hosts=(("one", 26380), ("two", 26379), ("::1", 26381)),
            master="jobs",
            db=3,
            username="me",
            password="p@ss",
            sentinel_password="s&cret",
        )

    def test_needs_no_more_than_a_host_and_a_master(self) -> None:
        assert SentinelAddress.of("sentinel://one/jobs") == SentinelAddress(
            hosts=(("one", 26379),),
            master="jobs",
            db=0,
            username=None,
            password=None,
            sentinel_password=None,
        )

    @pytest.mark.parametrize("url", ["redis://one/0", "rediss://one"])
    def test_is_none_of_another_url(self, url: str) -> None:
        assert SentinelAddress.of(url) is None

    def test_is_read_by_kombu_as_it_was_meant(self) -> None:
        address = SentinelAddress.of(THREE)
        assert address is not None
        read = [parse_url(url) for url in address.broker_url.split(";")]
        assert [(url["hostname"], url["port"]) for url in read] == list(address.hosts)
        assert {(url["userid"], url["password"], url["virtual_host"]) for url in read} == {
            ("me", "p@ss", "3")
        }

    def test_gives_celery_the_master(self) -> None:
        options = create_celery(THREE).conf.broker_transport_options
        assert options["master_name"] == "jobs"
        assert options["sentinel_kwargs"]["password"] == "s&cret"


class TestCheck:
    @pytest.mark.parametrize(
        "url",
        [
            "sentinel://",
            "sentinel://one",
            "sentinel://one/",
            "sentinel://one:x/jobs",
            "sentinel://one/jobs/x",
            "sentinel://one;sentinel://two/0",
            "sentinel://one,/jobs",
            "sentinel://one/jobs?master_name=jobs",
        ],
    )
    def test_says_how_sentinels_are_written(self, url: str) -> None:
        with pytest.raises(ValueError, match=r"^must be sentinel://:password@host:26379,host"):
            check_redis_url(url)

    @pytest.mark.parametrize("name", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
    def test_says_that_a_file_is_not_there(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=f"^{name} must be a file that is there$"):
            check_redis_url(f"rediss://here?{name}={tmp_path}/none")

    def test_takes_what_is_right(self, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").touch()
        for url in ("redis://here", f"rediss://here?ssl_ca_certs={tmp_path}/ca.pem", THREE):
            assert check_redis_url(url) == url


class TestPlace:
    @pytest.mark.parametrize(
        ("url", "place"),
        [
            ("redis://:hunter2@here", "here:6379"),
            ("rediss://:hunter2@here:6380/1", "here:6380"),
            (
                "sentinel://:hunter2@one,two:26380/jobs",
                "jobs of the Sentinels one:26379, two:26380",
            ),
        ],
    )
    def test_is_told_without_the_password(self, url: str, place: str) -> None:
        assert place_of(url) == place


class TestVerified:
    @pytest.mark.parametrize(
        ("url", "safe"),
        [
            ("redis://here/0", "redis://here/0"),
            ("rediss://here/0", "rediss://here/0?ssl_cert_reqs=required"),
            ("rediss://here?ssl_ca_certs=a", "rediss://here?ssl_ca_certs=a&ssl_cert_reqs=required"),
            ("rediss://here?ssl_cert_reqs=none", "rediss://here?ssl_cert_reqs=none"),
        ],
    )
    def test_has_certificates_looked_at_unless_they_are_not_to_be(
        self, url: str, safe: str
    ) -> None:
        assert verified(url) == safe

    def test_messages_go_to_no_server_that_nobody_vouches_for(self, tmp_path: Path) -> None:
        with running_tls_redis(tmp_path) as server, pytest.raises(OperationalError, match="certif"):
            JobQueue(create_celery(server.address), FakeRedis()).put(queued_job("a"))

    def test_messages_go_to_a_server_whose_authority_is_known(self, tmp_path: Path) -> None:
        with running_tls_redis(tmp_path) as server:
            redis = connect(server.url, timeout_seconds=5)
            queue = JobQueue(create_celery(server.url), redis)
            queue.put(queued_job("a"))
            assert queue.waiting_ids() == {"a"}
            redis.close()
