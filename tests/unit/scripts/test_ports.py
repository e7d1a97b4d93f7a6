"""Ports for servers that are about to start."""

from socket import socket

from scripts.ports import free_port


def test_no_two_servers_are_given_one_port() -> None:
    ports = [free_port() for _ in range(500)]
    assert len(set(ports)) == len(ports)


def test_a_port_can_be_listened_on() -> None:
    with socket() as server:
        server.bind(("127.0.0.1", free_port()))
        server.listen()


def test_no_outgoing_connection_is_given_one() -> None:
    with socket() as server, socket() as client:
        server.bind(("127.0.0.1", free_port()))
        server.listen()
        client.connect(server.getsockname())
        _, outgoing = client.getsockname()
    assert outgoing >= 32_000 > max(free_port() for _ in range(500))
